//! Commits that break where a step says so.

use std::sync::{Arc, Mutex};

use mandate_journal::{Fault, Hook, Hooks};

use crate::model::How;

/// The commit that breaks next: so many before it do not.
#[derive(Debug, Clone, Copy)]
pub struct Break {
    pub after: u32,
    pub how: How,
    /// It is the one under way.
    pub now: bool,
}

pub type Switch = Arc<Mutex<Option<Break>>>;

/// Hooks that break the commit that the switch says.
pub fn hooks(switch: &Switch) -> Hooks {
    let before: Hook = {
        let switch = Arc::clone(switch);
        Arc::new(move || {
            let mut armed = switch.lock().expect("no panic while held");
            let Break { after, how, now } = armed.as_mut()?;
            if *after > 0 {
                *after -= 1;
                return None;
            }
            *now = true;
            let fault = match how {
                How::Full => Fault::DiskFull,
                How::NotApplied => Fault::Io,
                How::YetApplied => return None,
            };
            *armed = None;
            Some(fault)
        })
    };
    let switch = Arc::clone(switch);
    let after: Hook = Arc::new(move || {
        let mut armed = switch.lock().expect("no panic while held");
        armed.take_if(|broken| broken.now).map(|_| Fault::Io)
    });
    Hooks { before_commit: Some(before), after_commit: Some(after) }
}
