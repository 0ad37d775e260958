//! Who is no agent by the rules in force, and why.

use std::io;
use std::path::PathBuf;

use mandate_host::log;
use mandate_host::peer::{Exe, PeerError, PeerProcess};
use mandate_policy::{Agent, ExePath, UnitName};
use thiserror::Error;

use crate::serve::Peer;

/// Why a peer is no agent. For the log: the peer learns `AGENT_UNKNOWN` and nothing else.
#[derive(Debug, Error)]
pub(crate) enum Stranger {
    /// It runs another program.
    #[error("`exe` of agent {agent} is {wanted}, and the process runs {}", log::shown(&found.display().to_string()))]
    Exe { agent: String, wanted: ExePath, found: PathBuf },
    /// It runs a file that is no longer the one at that path.
    #[error("`exe` of agent {agent} is {}, and the process runs another file than the one that is there now; restart the agent if it was updated", log::shown(&found.display().to_string()))]
    ExeReplaced { agent: String, found: PathBuf },
    /// What it runs is not for this wallet's eyes.
    #[error(
        "`exe` of agent {agent} cannot be looked at ({problem}): only a wallet with the agent's own uid may see what its process runs; use `unit` in its place"
    )]
    ExeUnseen { agent: String, problem: String },
    /// It is out of sight.
    #[error(
        "nothing is known of the process of agent {agent}, which has `{selector}` in wallet.toml ({problem})"
    )]
    Process { agent: String, selector: &'static str, problem: String },
    /// It runs elsewhere.
    #[error("`unit` of agent {agent} is {wanted}, and the process is in {}", log::shown(found))]
    Unit { agent: String, wanted: UnitName, found: String },
    /// Where it runs cannot be seen.
    #[error("`unit` of agent {agent} cannot be looked at ({problem})")]
    UnitUnseen { agent: String, problem: String },
    /// No rule lists its uid.
    #[error("its uid is not that of a listed agent")]
    Unlisted,
}

/// Whether a peer with an agent's uid is what the agent's selectors say.
///
/// # Errors
///
/// [`Stranger`] with the selector that does not fit.
pub(crate) fn check(agent: &Agent, peer: &Peer) -> Result<(), Stranger> {
    let name = || agent.name.to_string();
    let Some(selector) = selector(agent) else { return Ok(()) };
    let process = match peer.process.as_ref() {
        Ok(process) => process,
        Err(error) => {
            let problem = unseen(error);
            return Err(Stranger::Process { agent: name(), selector, problem });
        }
    };
    if let Some(wanted) = &agent.exe {
        check_exe(wanted, process, name)?;
    }
    if let Some(wanted) = &agent.unit {
        check_unit(wanted, process, name)?;
    }
    Ok(())
}

fn selector(agent: &Agent) -> Option<&'static str> {
    let unit = agent.unit.as_ref().map(|_| "unit");
    unit.or(agent.exe.as_ref().map(|_| "exe"))
}

/// Why nothing is known, with the way out where it is in the operator's hands.
fn unseen(error: &PeerError) -> String {
    let hidden = match error {
        PeerError::Io { source, .. } => is_hidden(source),
        _ => false,
    };
    let told = log::chain(error);
    if hidden {
        format!(
            "{told}; /proc shows this wallet its own processes alone: mount it without hidepid, or set ProtectProc=default in the wallet's unit"
        )
    } else {
        told
    }
}

/// What a `/proc` says that hides the processes of other users.
fn is_hidden(error: &io::Error) -> bool {
    [io::ErrorKind::NotFound, io::ErrorKind::PermissionDenied].contains(&error.kind())
}

fn check_exe(
    wanted: &ExePath,
    process: &PeerProcess,
    agent: impl Fn() -> String,
) -> Result<(), Stranger> {
    match &process.exe {
        Ok(exe) if exe.path().as_os_str() != wanted.as_str() => {
            let (wanted, found) = (wanted.clone(), exe.path().to_owned());
            Err(Stranger::Exe { agent: agent(), wanted, found })
        }
        Ok(Exe::At(_)) => Ok(()),
        Ok(Exe::NotAt(found)) => {
            Err(Stranger::ExeReplaced { agent: agent(), found: found.clone() })
        }
        Err(error) => Err(Stranger::ExeUnseen { agent: agent(), problem: error.to_string() }),
    }
}

/// Where systemd keeps two trees, they say the same; one that it does not use has every process at its root.
fn check_unit(
    wanted: &UnitName,
    process: &PeerProcess,
    agent: impl Fn() -> String,
) -> Result<(), Stranger> {
    let groups = match &process.control_groups {
        Ok(groups) => groups,
        Err(error) => {
            return Err(Stranger::UnitUnseen { agent: agent(), problem: error.to_string() });
        }
    };
    let mut used = groups.iter().filter(|group| *group != "/").peekable();
    if used.peek().is_some() && used.all(|group| wanted.has(group)) {
        return Ok(());
    }
    let (wanted, found) = (wanted.clone(), groups.join(" and "));
    Err(Stranger::Unit { agent: agent(), wanted, found })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mandate_policy::Rules;

    use super::*;
    use crate::users::SystemUsers;

    fn agent(selectors: &str) -> Agent {
        let head = "[principal]\nname = \"Ada\"\ntimezone = \"UTC\"\n\n[[agent]]\nname = \"travel\"\nuid = 1\n";
        let rules = Rules::parse(&format!("{head}{selectors}\n"), &SystemUsers).unwrap();
        rules.agents()[0].clone()
    }

    fn peer(process: Result<PeerProcess, PeerError>) -> Peer {
        Peer { uid: 1, process: Arc::new(process) }
    }

    fn seen(exe: io::Result<Exe>, groups: &[&str]) -> Peer {
        let control_groups = Ok(groups.iter().map(|&group| group.to_owned()).collect());
        peer(Ok(PeerProcess { exe, control_groups }))
    }

    fn told(selectors: &str, peer: &Peer) -> String {
        check(&agent(selectors), peer).unwrap_err().to_string()
    }

    const EXE: &str = "exe = \"/usr/bin/travel\"";
    const UNIT: &str = "unit = \"travel.service\"";

    #[test]
    fn an_agent_without_selectors_is_its_uid() {
        check(&agent(""), &peer(Err(PeerError::Gone))).unwrap();
        for selectors in [EXE, UNIT] {
            assert!(told(selectors, &peer(Err(PeerError::Gone))).contains("is gone"));
        }
    }

    #[test]
    fn each_selector_that_does_not_fit_is_named() {
        let inside = ["/system.slice/travel.service", "/"];
        let at = |path: &str| Ok(Exe::At(path.into()));
        let both = format!("{EXE}\n{UNIT}");
        check(&agent(&both), &seen(at("/usr/bin/travel"), &inside)).unwrap();
        let other = told(&both, &seen(at("/usr/bin/python3.13"), &inside));
        assert!(other.contains("runs /usr/bin/python3.13"), "{other}");
        let replaced = seen(Ok(Exe::NotAt("/usr/bin/travel".into())), &inside);
        assert!(told(EXE, &replaced).contains("another file"));
        let unseen = seen(Err(io::ErrorKind::PermissionDenied.into()), &inside);
        assert!(told(EXE, &unseen).contains("use `unit` in its place"));
        check(&agent(UNIT), &unseen).unwrap();
        let elsewhere = seen(at("/usr/bin/travel"), &["/user.slice/a.scope"]);
        assert!(told(UNIT, &elsewhere).contains("is in /user.slice/a.scope"));
    }

    #[test]
    fn two_trees_have_to_agree_and_one_alone_may_be_unused() {
        let exe = || Ok(Exe::At("/x".into()));
        let (yes, no) = ("/system.slice/travel.service", "/system.slice/other.service");
        for groups in [&[yes][..], &[yes, "/"], &["/", yes], &[yes, yes]] {
            check(&agent(UNIT), &seen(exe(), groups)).unwrap();
        }
        for groups in [&[][..], &["/"], &["/", "/"], &[yes, no], &[no, yes], &[no, "/"]] {
            check(&agent(UNIT), &seen(exe(), groups)).unwrap_err();
        }
    }

    #[test]
    fn a_proc_that_hides_others_is_told_apart() {
        let hidden = io::Error::from(io::ErrorKind::NotFound);
        let error = PeerError::Io { what: "open the folder in /proc", source: hidden };
        assert!(told(UNIT, &peer(Err(error))).contains("ProtectProc=default"));
    }
}
