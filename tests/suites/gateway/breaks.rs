//! Commits that break where a step says so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use mandate_journal::{Fault, Hook, Hooks, Options};

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

/// How a book is opened whose disk is full as long as the switch says so.
pub fn full_while(full: &Arc<AtomicBool>) -> Options {
    let seen = Arc::clone(full);
    full_if(move || seen.load(Ordering::SeqCst))
}

/// How a book is opened whose disk is full at one commit, the next after the switch was set.
pub fn full_once(full: &Arc<AtomicBool>) -> Options {
    let seen = Arc::clone(full);
    full_if(move || seen.swap(false, Ordering::SeqCst))
}

fn full_if(is_full: impl Fn() -> bool + Send + Sync + 'static) -> Options {
    let hook: Hook = Arc::new(move || is_full().then_some(Fault::DiskFull));
    Options { hooks: Hooks { before_commit: Some(hook), after_commit: None }, ..Options::default() }
}
