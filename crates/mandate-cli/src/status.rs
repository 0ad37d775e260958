//! `mandate status`: the running wallet at a glance.

use mandate::UnixSeconds;
use mandate_proto::v1;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::time::local;
use crate::ui::{Table, Ui, counted};
use crate::wallet::Control;
use crate::wire::{non_empty, time};

#[derive(Serialize)]
struct Answer {
    version: String,
    principal: Principal,
    key: Key,
    policy: Policy,
    frozen: Vec<String>,
    locked: bool,
    clock_problem: Option<String>,
    ledger_problem: Option<String>,
    holds: u64,
    log: Log,
    config: String,
    ledger: String,
    wallet_socket: String,
    control_socket: String,
    unit: Option<String>,
    sockets_handed_in: bool,
    warnings: Vec<String>,
    equivocations: Vec<Equivocation>,
    metrics: Metrics,
}

#[derive(Serialize)]
struct Metrics {
    address: Option<String>,
    problem: Option<String>,
}

#[derive(Serialize)]
struct Equivocation {
    merchant: String,
    seq: u64,
    earlier_seq: u64,
    rule: String,
}

#[derive(Serialize)]
struct Principal {
    name: String,
    id: String,
}

#[derive(Serialize)]
struct Key {
    kid: Option<String>,
    store: Option<String>,
    problem: Option<String>,
}

#[derive(Serialize)]
struct Policy {
    digest: String,
    loaded_at: Option<UnixSeconds>,
    problem: Option<String>,
}

#[derive(Serialize)]
struct Log {
    size: u64,
    root: String,
}

/// Asks and shows.
pub(crate) fn run(context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let answer = read(Control::connect(&context.places)?.status()?)?;
    context.ui.answer(&answer, |ui| show(&answer, ui))
}

fn read(told: v1::GetStatusResponse) -> Result<Answer, Failure> {
    let v1::GetStatusResponse {
        version,
        principal_name,
        principal_id,
        key_id,
        key_store,
        key_problem,
        policy_digest,
        policy_loaded_at,
        policy_problem,
        frozen,
        clock_problem,
        ledger_problem,
        log_size,
        log_root,
        holds,
        config_path,
        ledger_path,
        wallet_socket,
        control_socket,
        warnings,
        equivocations,
        locked,
        unit,
        unit_is_users: _,
        sockets_handed_in,
        metrics_address,
        metrics_problem,
    } = told;
    let equivocations = equivocations.into_iter().map(|told| {
        let v1::Equivocation { merchant_id, seq, earlier_seq, rule } = told;
        Equivocation { merchant: merchant_id, seq, earlier_seq, rule }
    });
    Ok(Answer {
        version,
        principal: Principal { name: principal_name, id: principal_id },
        key: Key {
            kid: non_empty(key_id),
            store: non_empty(key_store),
            problem: non_empty(key_problem),
        },
        policy: Policy {
            digest: policy_digest,
            loaded_at: time(policy_loaded_at)?,
            problem: non_empty(policy_problem),
        },
        frozen,
        locked,
        clock_problem: non_empty(clock_problem),
        ledger_problem: non_empty(ledger_problem),
        holds,
        log: Log { size: log_size, root: log_root },
        config: config_path,
        ledger: ledger_path,
        wallet_socket,
        control_socket,
        unit: non_empty(unit),
        sockets_handed_in,
        warnings,
        equivocations: equivocations.collect(),
        metrics: Metrics {
            address: non_empty(metrics_address),
            problem: non_empty(metrics_problem),
        },
    })
}

fn show(answer: &Answer, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let Answer { principal, key, policy, log, .. } = answer;
    let key_line = match (&key.kid, &key.store) {
        (Some(kid), Some(store)) => format!("{kid} in the {store}"),
        (Some(kid), None) => kid.clone(),
        (None, _) if answer.locked => "locked: nothing can be signed".to_owned(),
        (None, _) => "none: nothing can be signed".to_owned(),
    };
    let loaded = policy.loaded_at.map(|at| format!(", since {}", local(at))).unwrap_or_default();
    let frozen = match answer.frozen.as_slice() {
        [] => "nothing".to_owned(),
        scopes => scopes.join(", "),
    };
    let daemon = match &answer.unit {
        Some(unit) => format!("{} as {unit}", answer.version),
        None => answer.version.clone(),
    };
    let mut pairs = vec![
        ("mandated", daemon),
        ("principal", format!("{} ({})", principal.name, principal.id)),
        ("key", key_line),
        ("policy", format!("{}{loaded}", policy.digest)),
        ("frozen", frozen),
        ("holds", format!("{} not settled", answer.holds)),
        ("journal", format!("{}, root {}", counted(log.size, "entry", "entries"), log.root)),
        ("config", answer.config.clone()),
        ("ledger", answer.ledger.clone()),
        ("sockets", format!("{} {}", answer.wallet_socket, answer.control_socket)),
    ];
    pairs.extend(
        answer.metrics.address.iter().map(|at| ("metrics", format!("http://{at}/metrics"))),
    );
    ui.table(&Table::pairs(pairs))?;
    let problems = [
        ("key", &key.problem),
        ("wallet.toml", &policy.problem),
        ("clock", &answer.clock_problem),
        ("ledger", &answer.ledger_problem),
        ("metrics", &answer.metrics.problem),
    ];
    for (what, problem) in problems {
        // The faults of a file are one a line; those line feeds are our own.
        for line in problem.as_deref().unwrap_or_default().lines() {
            ui.line(format_args!("problem with the {what}: {line}"))?;
        }
    }
    for Equivocation { merchant, seq, earlier_seq, rule } in &answer.equivocations {
        let line = contradiction(merchant, (*seq, *earlier_seq), rule);
        ui.line(format_args!(
            "problem with the {line}; look at it with `mandate audit show {seq}`"
        ))?;
    }
    answer.warnings.iter().try_for_each(|warning| ui.line(format_args!("warning: {warning}")))
}

/// Whose log contradicts itself, and where: the entry with the proof, and the one that the earlier token came in with.
pub(crate) fn contradiction(merchant: &str, (seq, earlier_seq): (u64, u64), rule: &str) -> String {
    format!(
        "merchant {merchant}: its log contradicts itself ({rule}), entry {seq} against entry {earlier_seq}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(told: v1::GetStatusResponse) -> String {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        show(&read(told).unwrap(), &mut Ui::new(&mut out, &mut err, false)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_problem_is_a_line_that_names_its_place() {
        let text = shown(v1::GetStatusResponse {
            key_problem: "the Secret Service is locked".to_owned(),
            policy_problem: "wallet.toml:3:1: one\nwallet.toml:9:1: two".to_owned(),
            frozen: vec!["wallet".to_owned(), "agent travel".to_owned()],
            warnings: vec!["swap".to_owned()],
            equivocations: vec![v1::Equivocation {
                merchant_id: "lux-hotels".to_owned(),
                seq: 12,
                earlier_seq: 7,
                rule: "same_size".to_owned(),
            }],
            ..v1::GetStatusResponse::default()
        });
        assert!(text.contains("key        none: nothing can be signed"), "{text}");
        assert!(text.contains("frozen     wallet, agent travel"), "{text}");
        assert!(text.contains("problem with the key: the Secret Service is locked\n"), "{text}");
        assert!(text.contains("problem with the wallet.toml: wallet.toml:9:1: two\n"), "{text}");
        let found = "problem with the merchant lux-hotels: its log contradicts itself (same_size), entry 12 against entry 7; look at it with `mandate audit show 12`\n";
        assert!(text.contains(found), "{text}");
        assert!(text.ends_with("warning: swap\n"), "{text}");
    }

    #[test]
    fn a_lock_is_told_where_the_key_would_be() {
        let text = shown(v1::GetStatusResponse {
            key_problem: "the wallet is locked by its principal".to_owned(),
            locked: true,
            ..v1::GetStatusResponse::default()
        });
        assert!(text.contains("key        locked: nothing can be signed\n"), "{text}");
        let problem = "problem with the key: the wallet is locked by its principal\n";
        assert!(text.contains(problem), "{text}");
    }
}
