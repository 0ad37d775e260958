//! `mandate-gateway principal add`: one more principal whose mandates are accepted.

use std::thread::sleep;
use std::time::Duration;

use clap::{Args, Subcommand};
use mandate::key::Jwk;
use mandate::text::Title;
use mandate::{KeyId, KeySet, PolicyDigest, PrincipalId, PublicKey};
use mandate_terminal::failure::{Failure, chain};
use mandate_terminal::ui::{Table, Ui};
use mandate_terminal::write;
use serde::Serialize;

use super::config::bad_config;
use super::context::Context;
use super::places::Places;
use super::running::Running;
use crate::door::Status;
use crate::settings::{Principal, Settings, load};

/// How long a running gateway may take to see that its file changed.
const TAKEN_WITHIN: Duration = Duration::from_secs(3);
/// How often it is asked.
const ASK_INTERVAL: Duration = Duration::from_millis(100);

const HELP: &str = "\
A did:key is its own key; a stable id needs the key that `mandate key show` prints as its jwk. Comments and order of
gateway.toml stay as they are, and a running gateway takes the file by itself.

Examples:
  mandate-gateway principal add did:key:z6Mk… --account \"customer 4711\"
  mandate-gateway principal add ada --key '{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"…\"}'";

/// What is to be done with principals.
#[derive(Debug, Subcommand)]
pub(crate) enum PrincipalCommand {
    /// Accept the mandates of one more principal
    Add(Arguments),
}

/// Options of `mandate-gateway principal add`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// Its did:key, or its stable id
    #[arg(value_name = "ID_OR_DID")]
    id: PrincipalId,
    /// The public key that signs its mandates
    #[arg(long, value_name = "JWK_JSON", value_parser = public_key)]
    key: Option<PublicKey>,
    /// What you call it, perhaps a customer's number
    #[arg(long, value_name = "LABEL")]
    account: Option<Title>,
}

fn public_key(text: &str) -> Result<PublicKey, String> {
    let jwk: Jwk = serde_json::from_str(text).map_err(|error| {
        format!("is no public key as `mandate key show` prints its jwk: {error}")
    })?;
    PublicKey::try_from(jwk).map_err(|error| error.to_string())
}

#[derive(Serialize)]
struct Answer {
    principal: PrincipalId,
    kid: KeyId,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Title>,
    config: String,
    /// Whether a running gateway obeys the new file.
    in_force: bool,
    /// Why it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// Runs one of them.
pub(crate) fn run(command: PrincipalCommand, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    match command {
        PrincipalCommand::Add(arguments) => add(arguments, context),
    }
}

fn add(arguments: Arguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let Arguments { id, key, account } = arguments;
    let Some(public) = key.or_else(|| id.did_key()) else {
        let problem = format!("{id} is no did:key, so its key has to be told: pass --key");
        return Err(Failure::Usage(problem));
    };
    let path = context.places.config();
    load(path).map_err(|error| bad_config(&error))?;
    let before = std::fs::read_to_string(path)
        .map_err(|error| Failure::Config(format!("cannot read {}: {error}", path.display())))?;
    let principal = Principal { keys: KeySet::new([public]), account: account.clone() };
    let text = Settings::enrol(&before, &id, &principal)
        .map_err(|error| Failure::Config(format!("{}: {}", path.display(), chain(&error))))?;
    let now = std::fs::read_to_string(path).unwrap_or_default();
    if now != before {
        let problem = format!("{} was changed meanwhile; run the command again", path.display());
        return Err(Failure::Config(problem));
    }
    write::replace(path, &text)?;
    let config = path.display().to_string();
    let problem = not_taken(&context.places, PolicyDigest::of(text.as_bytes()));
    let (in_force, problem) = (problem.is_none(), problem);
    let answer = Answer { principal: id, kid: public.id(), account, config, in_force, problem };
    context.ui.answer(&answer, |ui| show(&answer, ui))
}

/// Waits a moment for a running gateway to take the file; why it did not.
fn not_taken(places: &Places, digest: PolicyDigest) -> Option<String> {
    let running = match Running::find(places) {
        Ok(Some(running)) => running,
        Ok(None) => return Some("no gateway runs; the next one obeys it".to_owned()),
        Err(failure) => return Some(chain(&failure)),
    };
    let mut waited = Duration::ZERO;
    let mut problem = None;
    while waited < TAKEN_WITHIN {
        match running.get::<Status>("/status") {
            Ok(status) if status.settings == digest => return None,
            Ok(status) => problem = status.settings_problem,
            Err(failure) => return Some(chain(&failure)),
        }
        sleep(ASK_INTERVAL);
        waited = waited.saturating_add(ASK_INTERVAL);
    }
    let not_yet =
        "the running gateway does not obey it yet; look again with `mandate-gateway doctor`";
    Some(match problem {
        Some(problem) => format!("the running gateway keeps the file that it had: {problem}"),
        None => not_yet.to_owned(),
    })
}

fn show(answer: &Answer, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let Answer { principal, kid, account, config, in_force: _, problem } = answer;
    let rows = [
        ("principal", Some(principal.to_string())),
        ("kid", Some(kid.to_string())),
        ("account", account.as_ref().map(ToString::to_string)),
        ("config", Some(config.clone())),
    ];
    let rows = rows.into_iter().filter_map(|(label, value)| Some((label, value?)));
    ui.table(&Table::pairs(rows))?;
    match problem {
        Some(problem) => ui.line(problem),
        None => ui.line("the running gateway obeys it"),
    }
}
