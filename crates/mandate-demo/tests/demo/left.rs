//! What could be left behind: files, keys of both services, processes.

use std::path::Path;

use mandate_keys::{KeyLocation, KeyStoreError, Service, StoreChoice};

/// Neither a file, nor a key, nor a process.
pub(crate) fn assert_nothing(folder: &Path, shown: &str) {
    assert_eq!(folder.read_dir().expect("a folder").count(), 0, "a file is left");
    let accounts = words_after(shown, "as account ");
    assert_eq!(accounts.len(), 3, "Ada's key and those of two merchants: {shown}");
    for (account, service) in
        accounts.into_iter().zip([Service::Wallet, Service::Gateway, Service::Gateway])
    {
        let account = account.parse().expect("an account");
        let location = KeyLocation { service, choice: StoreChoice::Auto, account };
        let key = mandate_keys::load(&location).map(drop);
        assert!(matches!(key, Err(KeyStoreError::Missing { .. })), "the key is left: {key:?}");
    }
    for process in words_after(shown, " process ") {
        assert!(!Path::new("/proc").join(process).exists(), "process {process} still runs");
    }
}

/// Each word that follows these ones, as far as it is an id or an account.
fn words_after<'t>(text: &'t str, lead: &str) -> Vec<&'t str> {
    let rests = text.split(lead).skip(1);
    let word = |rest: &'t str| {
        rest.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').next().unwrap()
    };
    let words = rests.map(word);
    words.filter(|word| word.chars().any(|letter| letter.is_ascii_digit())).collect()
}
