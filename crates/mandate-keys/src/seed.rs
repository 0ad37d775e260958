//! The 32 private bytes, in a page of memory that holds nothing else.
//!
//! The page is kept out of swap where the system permits it, and wiped before it is given back. The bytes are written
//! in place, never returned, and never leave except through [`Seed::expose`].
//! Keeping them out of core dumps is [`harden_process`](crate::harden_process)'s part: there is no safe call that
//! would do so for one page.

use std::fmt;

use region::LockGuard;
use zeroize::Zeroize;

/// Bytes in an Ed25519 private key (RFC 8032, section 5.1.5).
pub const SEED_BYTES: usize = 32;

/// A block of memory that shares no page with anything else.
///
/// The alignment makes its size a whole number of pages. Other architectures than x86-64 run kernels with pages of up
/// to 64 KiB.
#[cfg_attr(target_arch = "x86_64", repr(align(4096)))]
#[cfg_attr(not(target_arch = "x86_64"), repr(align(65536)))]
struct Page([u8; SEED_BYTES]);

/// An Ed25519 private key as RFC 8032 defines it: 32 random bytes.
pub struct Seed {
    /// Declared first, so that it is undone before the page is given back.
    lock: Option<LockGuard>,
    /// Dropped, and so told, after the page was wiped and before it is given back.
    #[cfg(test)]
    witness: Option<tests::Witness>,
    page: Box<Page>,
}

impl Seed {
    /// Has `fill` write the bytes in place, into memory that is locked already.
    ///
    /// # Errors
    ///
    /// Those of `fill`.
    pub fn fill<E>(fill: impl FnOnce(&mut [u8; SEED_BYTES]) -> Result<(), E>) -> Result<Self, E> {
        let page = Box::new(Page([0; SEED_BYTES]));
        let lock = region::lock(std::ptr::from_ref(&*page), size_of::<Page>()).ok();
        let mut seed = Self {
            lock,
            #[cfg(test)]
            witness: None,
            page,
        };
        fill(&mut seed.page.0)?;
        Ok(seed)
    }

    /// Draws a new key from the system.
    ///
    /// # Errors
    ///
    /// [`getrandom::Error`] if the system gives no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        Self::fill(|bytes| getrandom::fill(bytes))
    }

    /// Copies a key that the caller already holds, as tests and demonstrations do.
    ///
    /// The caller's bytes stay the caller's to wipe.
    #[must_use]
    pub fn copy_from(bytes: &[u8; SEED_BYTES]) -> Self {
        let copied: Result<Self, std::convert::Infallible> = Self::fill(|page| {
            page.copy_from_slice(bytes);
            Ok(())
        });
        match copied {
            Ok(seed) => seed,
        }
    }

    /// Lends the bytes.
    ///
    /// What `read` copies is no longer wiped by this type.
    pub fn expose<R>(&self, read: impl FnOnce(&[u8; SEED_BYTES]) -> R) -> R {
        read(&self.page.0)
    }

    /// Whether the page is kept out of swap; if not, `RLIMIT_MEMLOCK` leaves no room for one page.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.lock.is_some()
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        self.page.0.zeroize();
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed")
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;
    use std::sync::mpsc::{self, Sender};

    use super::*;

    /// Reads this process's memory as a debugger would; `None` if nothing is mapped there.
    fn memory_at(address: u64) -> Option<[u8; SEED_BYTES]> {
        let mut bytes = [0; SEED_BYTES];
        let memory = File::open("/proc/self/mem").expect("a process may read its own memory");
        memory.read_exact_at(&mut bytes, address).ok().map(|()| bytes)
    }

    /// Notes what is at an address when it is dropped: later, the allocator writes there.
    pub(super) struct Witness {
        address: u64,
        report: Sender<Option<[u8; SEED_BYTES]>>,
    }

    impl Drop for Witness {
        fn drop(&mut self) {
            self.report.send(memory_at(self.address)).expect("the test waits for it");
        }
    }

    #[test]
    fn the_bytes_are_wiped_before_the_page_is_given_back() {
        let canary = [0xa5; SEED_BYTES];
        let mut seed = Seed::copy_from(&canary);
        let address = std::ptr::from_ref(&seed.page.0).addr().try_into().unwrap();
        assert_eq!(memory_at(address), Some(canary), "the control: they are found while alive");
        let (report, reported) = mpsc::channel();
        seed.witness = Some(Witness { address, report });
        drop(seed);
        assert_eq!(reported.recv(), Ok(Some([0; SEED_BYTES])));
    }

    #[test]
    fn a_seed_has_its_pages_to_itself_and_they_are_locked() {
        let seed = Seed::random().unwrap();
        assert_eq!(std::ptr::from_ref(&*seed.page).addr() % region::page::size(), 0);
        assert_eq!(size_of::<Page>() % region::page::size(), 0);
        assert!(seed.is_locked(), "the tests need room for a page in RLIMIT_MEMLOCK");
        assert_eq!(format!("{seed:?}"), "Seed");
    }

    #[test]
    fn a_failed_fill_gives_no_seed() {
        assert_eq!(Seed::fill(|_| Err("no")).unwrap_err(), "no");
    }

    #[test]
    fn random_seeds_differ() {
        let (one, other) = (Seed::random().unwrap(), Seed::random().unwrap());
        assert!(one.expose(|one| other.expose(|other| one != other)));
        assert!(one.expose(|bytes| bytes != &[0; SEED_BYTES]));
    }
}
