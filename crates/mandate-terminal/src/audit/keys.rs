//! `--key`: the public keys that are believed.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use mandate_audit::{KeyTextError, Keys, TrustedKey};

use crate::failure::Failure;

/// Most bytes in a file that holds one key.
const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;

/// Reads each key: as text, or from the file of that name.
pub(super) fn read(texts: &[String]) -> Result<Keys, Failure> {
    Ok(Keys::new(texts.iter().map(|text| key(text)).collect::<Result<Vec<_>, _>>()?))
}

fn key(text: &str) -> Result<TrustedKey, Failure> {
    let unread =
        |problem: &dyn std::fmt::Display| Failure::Config(format!("--key {text}: {problem}"));
    match text.parse() {
        Ok(key) => return Ok(key),
        Err(error @ KeyTextError::OtherLog { .. }) => return Err(unread(&error)),
        Err(_) => {}
    }
    let (origin, key) =
        TrustedKey::split_name(text).map_or((None, text), |(origin, key)| (Some(origin), key));
    let is_text = key.trim_start().starts_with('{') || key.starts_with("did:");
    let path = Path::new(key);
    if is_text || !path.exists() {
        return Err(Failure::Usage(format!(
            "--key {text}: is no file and no public key: give a JWK `{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"…\"}}`, a \
             `did:key:z…`, a verifier key `<origin>+<8 hex digits>+<base64>`, or a file that holds one of them; \
             `<origin>=` before it says whose it is"
        )));
    }
    let mut content = String::new();
    File::open(path)
        .and_then(|file| file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut content))
        .map_err(|error| unread(&error))?;
    let read: TrustedKey = content.parse().map_err(|error| unread(&error))?;
    match origin {
        Some(origin) => read.of_log(origin).map_err(|error| unread(&error)),
        None => Ok(read),
    }
}
