//! `--key`: the public keys that are believed.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use mandate_audit::{Keys, TrustedKey};

use crate::failure::Failure;

/// Most bytes in a file that holds one key.
const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;

/// Reads each key: as text, or from the file of that name.
pub(super) fn read(texts: &[String]) -> Result<Keys, Failure> {
    Ok(Keys::new(texts.iter().map(|text| key(text)).collect::<Result<Vec<_>, _>>()?))
}

fn key(text: &str) -> Result<TrustedKey, Failure> {
    if let Ok(key) = text.parse() {
        return Ok(key);
    }
    let is_text = text.trim_start().starts_with('{') || text.starts_with("did:");
    let path = Path::new(text);
    if is_text || !path.exists() {
        return Err(Failure::Usage(format!(
            "--key {text}: is no file and no public key: give a JWK `{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"…\"}}`, a \
             `did:key:z…`, a verifier key `<origin>+<8 hex digits>+<base64>`, or a file that holds one of them"
        )));
    }
    let unread =
        |problem: &dyn std::fmt::Display| Failure::Config(format!("--key {text}: {problem}"));
    let mut content = String::new();
    File::open(path)
        .and_then(|file| file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut content))
        .map_err(|error| unread(&error))?;
    content.parse().map_err(|error| unread(&error))
}
