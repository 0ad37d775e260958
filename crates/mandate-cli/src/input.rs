//! Files that a command is given: read whole, up to a limit, from a path or from standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::context::Context;
use crate::failure::Failure;

/// Names standard input.
const STANDARD_INPUT: &str = "-";
/// Longest token with what may surround it, in bytes.
const TOKEN_FILE_BYTES_MAX: u64 = 64 * 1024;

/// Reads at most `bytes_max` bytes of a file, or of standard input for `-`.
pub(crate) fn bytes(
    path: &Path,
    bytes_max: u64,
    context: &mut Context<'_, '_>,
) -> Result<Vec<u8>, Failure> {
    let read = if path == Path::new(STANDARD_INPUT) {
        read_at_most(&mut *context.input, bytes_max)
    } else {
        File::open(path).and_then(|file| read_at_most(file, bytes_max))
    };
    match read {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => {
            Err(Failure::Usage(format!("{} has more than {bytes_max} bytes", path.display())))
        }
        Err(_) if is_like_a_token(path) => {
            let problem = "this takes a file, and was given a token; put the token into a file, or pipe it in and \
                           pass - for standard input";
            Err(Failure::Usage(problem.to_owned()))
        }
        Err(error) => Err(Failure::Usage(format!("cannot read {}: {error}", path.display()))),
    }
}

/// Whether what was named as a file is a token itself: it begins as the base64url of `{"` does, and has two points.
fn is_like_a_token(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.starts_with("eyJ") && text.split('.').count() == 3)
}

/// All of it, or `None` if there is more than that.
fn read_at_most(from: impl Read, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    from.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(Some(bytes).filter(|bytes| u64::try_from(bytes.len()).is_ok_and(|len| len <= bytes_max)))
}

/// Reads a token: the compact form alone, or as `member` of the JSON object that a gateway answers with.
pub(crate) fn token(
    path: &Path,
    member: &str,
    context: &mut Context<'_, '_>,
) -> Result<String, Failure> {
    let bytes = bytes(path, TOKEN_FILE_BYTES_MAX, context)?;
    let no_token = |what: &str| Failure::Usage(format!("{}: {what}", path.display()));
    let text = str::from_utf8(&bytes).or(Err(no_token("is not UTF-8")))?.trim();
    if !text.starts_with('{') {
        return Ok(text.to_owned());
    }
    let object: serde_json::Value =
        serde_json::from_str(text).map_err(|error| no_token(&format!("is no JSON: {error}")))?;
    let token = object.get(member).and_then(serde_json::Value::as_str);
    token.map(str::to_owned).ok_or_else(|| no_token(&format!("has no member {member:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_told_from_a_file() {
        assert!(is_like_a_token(Path::new("eyJhbGci.eyJpc3Mi.c2ln")));
        for file in ["cart.jwt", "eyJ.txt", "a.b.c", "/tmp/eyJ.b.c"] {
            assert!(!is_like_a_token(Path::new(file)), "{file}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_read_in_part() {
        assert_eq!(read_at_most(&b"abc"[..], 3).unwrap(), Some(b"abc".to_vec()));
        assert_eq!(read_at_most(&b"abcd"[..], 3).unwrap(), None);
        assert_eq!(read_at_most(&b""[..], 0).unwrap(), Some(Vec::new()));
    }
}
