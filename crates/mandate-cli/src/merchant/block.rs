//! The blocks of a new merchant in the text of a wallet.toml; everything that stood there stays as it was.

use mandate::key::Jwk;
use mandate::{MerchantId, Money, PublicKey, Sku};
use thiserror::Error;
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TomlError, Value};

/// The most values of a list that stand on one line.
const LINE_VALUES_MAX: usize = 4;
/// After every table that the file has.
const LAST: isize = isize::MAX;

/// The blocks cannot be put in.
#[derive(Debug, Error)]
pub(super) enum BlockError {
    /// The file lists its tables in another form.
    #[error(
        "lists `{key}` in another form than under headers [[{key}]]; change that, or add the merchant by hand"
    )]
    Form {
        /// The list.
        key: &'static str,
    },
    /// The text is no TOML.
    #[error(transparent)]
    Toml(#[from] TomlError),
}

/// A merchant as it is to be listed.
#[derive(Debug)]
pub(super) struct Block<'b> {
    /// Its id.
    pub(super) id: &'b MerchantId,
    /// Where its API is.
    pub(super) url: &'b str,
    /// Its keys.
    pub(super) keys: &'b [PublicKey],
    /// Actions for which an intent is enough.
    pub(super) free: Vec<&'b Sku>,
    /// Actions that need a payment.
    pub(super) paid: Vec<&'b Sku>,
    /// The most that it is paid in a day.
    pub(super) day_cap: Option<Money>,
}

impl Block<'_> {
    /// The text with this merchant and its cap, each after the last of its kind, or at the end.
    pub(super) fn put_into(&self, text: &str) -> Result<String, BlockError> {
        let mut document: DocumentMut = text.parse()?;
        push(&mut document, "merchant", self.merchant())?;
        if let Some(cap) = self.cap() {
            push(&mut document, "cap", cap)?;
        }
        Ok(document.to_string())
    }

    fn merchant(&self) -> Table {
        let mut table = Table::new();
        table.insert("id", text(self.id.as_str()));
        table.insert("url", text(self.url));
        let keys = self.keys.iter().map(|key| Value::from(jwk(key)));
        // One key stands beside its name; of several each gets a line.
        table.insert("keys", list(keys.collect(), 1));
        for (name, skus) in [("free", &self.free), ("paid", &self.paid)] {
            if !skus.is_empty() {
                let skus = skus.iter().map(|sku| Value::from(sku.as_str()));
                table.insert(name, list(skus.collect(), LINE_VALUES_MAX));
            }
        }
        table
    }

    fn cap(&self) -> Option<Table> {
        let spend = self.day_cap?.to_string();
        let mut table = Table::new();
        table.insert("per", text("day"));
        table.insert("spend", text(&spend));
        table.insert("merchant", text(self.id.as_str()));
        Some(table)
    }
}

fn text(text: &str) -> Item {
    Item::Value(Value::from(text))
}

fn jwk(key: &PublicKey) -> InlineTable {
    let Jwk { kty, crv, x } = Jwk::from(key);
    [("kty", kty), ("crv", crv), ("x", x)].into_iter().collect()
}

/// On one line up to so many values, else a line for each.
fn list(values: Vec<Value>, line_max: usize) -> Item {
    let is_long = values.len() > line_max;
    let mut array = Array::new();
    for value in values {
        let value = if is_long { value.decorated("\n    ", "") } else { value };
        array.push_formatted(if is_long || array.is_empty() {
            value
        } else {
            value.decorated(" ", "")
        });
    }
    if is_long {
        array.set_trailing("\n");
        array.set_trailing_comma(true);
    }
    Item::Value(Value::Array(array))
}

/// Puts a table under a header `[[key]]`.
fn push(document: &mut DocumentMut, key: &'static str, mut table: Table) -> Result<(), BlockError> {
    table.decor_mut().set_prefix("\n");
    if let Some(item) = document.get_mut(key) {
        let tables = item.as_array_of_tables_mut().ok_or(BlockError::Form { key })?;
        tables.push(table);
        return Ok(());
    }
    // What stands behind the last table, such as examples in comments, comes before it.
    let mut before = document.trailing().as_str().unwrap_or_default().to_owned();
    document.set_trailing("");
    if !before.is_empty() && !before.ends_with('\n') {
        before.push('\n');
    }
    table.decor_mut().set_prefix(format!("{before}\n"));
    table.set_position(Some(LAST));
    let mut tables = ArrayOfTables::new();
    tables.push(table);
    document.insert(key, Item::ArrayOfTables(tables));
    Ok(())
}

#[cfg(test)]
mod tests {
    use mandate_policy::Rules;
    use mandated::SystemUsers;

    use super::*;

    const HEAD: &str = "# Mine.\n[principal]\nname = \"Ada\"   # me\ntimezone = \"UTC\"\n\n[[agent]]\nname = \"a\"\nuid = 1\n";
    const KEY: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn put(text: &str, id: &str, day_cap: Option<&str>) -> Result<String, BlockError> {
        let jwk = Jwk { kty: "OKP".to_owned(), crv: "Ed25519".to_owned(), x: KEY.to_owned() };
        let key = PublicKey::try_from(jwk).unwrap();
        let (search, book): (Sku, Sku) = ("search".parse().unwrap(), "book".parse().unwrap());
        let block = Block {
            id: &id.parse().unwrap(),
            url: "https://lux.example",
            keys: &[key],
            free: vec![&search],
            paid: if day_cap.is_some() { vec![&book] } else { Vec::new() },
            day_cap: day_cap.map(|cap| cap.parse().unwrap()),
        };
        block.put_into(text)
    }

    fn merchant(id: &str, more: &str) -> String {
        format!(
            "\n[[merchant]]\nid = \"{id}\"\nurl = \"https://lux.example\"\nkeys = [{{ kty = \"OKP\", crv = \"Ed25519\", x = \"{KEY}\" }}]\nfree = [\"search\"]\n{more}"
        )
    }

    fn cap(id: &str) -> String {
        format!("\n[[cap]]\nper = \"day\"\nspend = \"100.00 EUR\"\nmerchant = \"{id}\"\n")
    }

    /// Every line of the old text is in the new one, in the same order.
    fn assert_kept(old: &str, new: &str) {
        let mut lines = new.lines();
        for line in old.lines() {
            assert!(lines.any(|new| new == line), "{line:?} is lost in:\n{new}");
        }
    }

    #[test]
    fn the_first_merchant_comes_last() {
        let text = format!("{HEAD}\n# Examples:\n#\n# [[merchant]]\n# id = \"x\"");
        let new = put(&text, "lux", Some("100.00 EUR")).unwrap();
        let paid = "paid = [\"book\"]\n";
        assert_eq!(new, format!("{text}\n{}{}", merchant("lux", paid), cap("lux")));
        Rules::parse(&new, &SystemUsers).unwrap();
        let free = put(HEAD, "lux", None).unwrap();
        assert_eq!(free, format!("{HEAD}{}", merchant("lux", "")));
        Rules::parse(&free, &SystemUsers).unwrap();
    }

    #[test]
    fn another_stands_behind_the_last_of_its_kind() {
        let first = put(HEAD, "lux", Some("100.00 EUR")).unwrap();
        let text = first.replace("\n[[cap]]", "\n# Caps: all of them.\n[[cap]]  # a day")
            + "\n# The end of the caps.\n\n[[agent]]\nname = \"b\"\nuid = 2\n# The end.\n";
        let new = put(&text, "rival", Some("100.00 EUR")).unwrap();
        assert_kept(&text, &new);
        let at = |what: &str| new.find(what).unwrap();
        assert!(at("id = \"lux\"") < at("id = \"rival\"") && at("id = \"rival\"") < at("# Caps"));
        assert!(at("merchant = \"lux\"") < at("merchant = \"rival\""));
        assert!(at("merchant = \"rival\"") < at("# The end of the caps"));
        let rules = Rules::parse(&new, &SystemUsers).unwrap();
        assert_eq!(
            (rules.merchants().count(), rules.caps().len(), rules.agents().len()),
            (2, 2, 2)
        );
    }

    #[test]
    fn many_values_get_a_line_each() {
        let skus: Vec<Sku> = (0..9).map(|at| format!("sku-{at}").parse().unwrap()).collect();
        let id = "lux".parse().unwrap();
        let block = Block {
            id: &id,
            url: "https://lux.example",
            keys: &[],
            free: skus.iter().collect(),
            paid: skus.iter().take(2).collect(),
            day_cap: None,
        };
        let new = block.put_into("").unwrap();
        assert!(new.contains("free = [\n    \"sku-0\",\n    \"sku-1\","), "{new}");
        assert!(new.contains("\"sku-8\",\n]\npaid = [\"sku-0\", \"sku-1\"]\n"), "{new}");
    }

    #[test]
    fn another_form_is_told() {
        let error = put("merchant = []\n", "lux", None).unwrap_err();
        assert!(error.to_string().contains("[[merchant]]"), "{error}");
    }
}
