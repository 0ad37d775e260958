//! From the text of a file to what it says.

use toml::de::{DeTable, Error};

use crate::fault::Faults;
use crate::kind::OwnFault;
use crate::report::{Read, Report, Reported};
use crate::syntax;
use crate::table::Table;

/// Reads the text of a file: `tables` may stand in it, and `read` makes something of them.
///
/// Where the text is no TOML, `read` is given the parts that can be read, so that their faults are told too.
///
/// # Errors
///
/// [`Faults`] with everything that is wrong with it.
pub fn parse<T, F: OwnFault>(
    text: &str,
    tables: &'static [&'static str],
    read: impl FnOnce(&mut Table<'_>, &mut Report<'_, F>) -> Read<T>,
) -> Result<T, Faults<F>> {
    let mut report = Report::new(text);
    let (root, errors) = DeTable::parse_recoverable(text);
    let judge = |root: &DeTable<'_>, report: &mut Report<'_, F>| {
        read(&mut Table::root(root, tables, report), report)
    };
    let read = if errors.is_empty() {
        judge(root.get_ref(), &mut report)
    } else {
        judge_broken(text, root.get_ref(), &errors, &mut report, judge)
    };
    let faults = report.into_faults();
    // `Reported` is only ever given for a fault that was noted, so there is a value or a fault.
    read.ok().filter(|_| faults.is_empty()).ok_or(Faults { faults })
}

/// Finds what is wrong with a text that is no TOML, in the parts that can be read.
fn judge_broken<T, F: OwnFault>(
    text: &str,
    root: &DeTable<'_>,
    errors: &[Error],
    report: &mut Report<'_, F>,
    judge: impl FnOnce(&DeTable<'_>, &mut Report<'_, F>) -> Read<T>,
) -> Read<T> {
    let lines = syntax::first_of_each_line(errors, report);
    let read = if let Some(kept) = syntax::without_broken_lines(text, errors, report) {
        let (root, _) = DeTable::parse_recoverable(&kept);
        report.expect_broken_lines(&lines);
        let read = judge(root.get_ref(), report);
        report.add_slips(lines);
        read
    } else {
        let read = judge(root, report);
        report.keep_what_is_sure(&lines.iter().map(|slip| report.line(slip.at)).collect());
        report.add_slips(syntax::slips(text, errors, report));
        read
    };
    read.and(Err(Reported::before()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::FaultKind;
    use crate::testing::{TestFault, codes};
    use crate::value::{integer, text};

    /// Reads two tables; `lone` and `leaning` are always wrong.
    fn judged(written: &str) -> Vec<&'static str> {
        codes(parse(written, &["first", "second"], |root, report| {
            let first = root.required("first", "[first]", report, |item, report| {
                let known = &["size", "lone", "leaning"];
                let table = Table::open(item, known, "a table", report)?;
                let size =
                    table.optional("size", report, |item, report| integer(item, report, 1..=9));
                let lone = table.optional("lone", report, |item, report| {
                    Err::<(), _>(item.fault(report, TestFault::Lone))
                });
                let leaning = table.optional("leaning", report, |item, report| {
                    Err::<(), _>(item.fault(report, TestFault::Leaning))
                });
                Ok((size?, lone?, leaning?))
            });
            let second = root.required("second", "[second]", report, |item, report| {
                let mut table = Table::open(item, &["label"], "a table", report)?;
                table.required("label", "label = \"x\"", report, text).map(str::to_owned)
            });
            Ok((first?, second?))
        }))
    }

    const SECOND: &str = "[second]\nlabel = \"x\"\n";

    #[test]
    fn every_fault_is_told_at_once_in_the_order_of_the_file() {
        assert!(judged(&format!("[first]\nsize = 9\n{SECOND}")).is_empty());
        assert_eq!(judged(""), ["missing", "missing"]);
        let all = "[second]\n[first]\nleaning = 1\nlone = 1\nsize = 10\ncolour = 1\n[third]\n";
        let told = ["missing", "leaning", "lone", "integer_range", "unknown_key", "unknown_key"];
        assert_eq!(judged(all), told);
    }

    #[test]
    fn the_whole_lines_of_a_broken_text_are_judged_too() {
        let text = format!("[first]\nsize =\nleaning = 1\nlone = 1\n{SECOND}");
        assert_eq!(judged(&text), ["syntax", "leaning", "lone"]);
    }

    #[test]
    fn behind_a_broken_header_only_what_stands_alone_is_sure() {
        let text = "[first]\nleaning = 1\nlone = 1\n[second\nlabel = 1\n";
        assert_eq!(judged(text), ["lone", "syntax"]);
    }

    #[test]
    fn a_fault_of_a_side_becomes_one_of_a_file() {
        let kind: FaultKind<TestFault> = TestFault::Lone.into();
        assert_eq!((kind.code(), kind.to_string()), ("lone", "stands alone".to_owned()));
    }
}
