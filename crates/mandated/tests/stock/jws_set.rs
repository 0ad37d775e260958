//! `tests/vectors/jws_eddsa.json` before two libraries that know nothing of it: joserfc in Python, jose in JavaScript.
//!
//! A plain JWT library should accept what is valid and what only our own profile refuses, and refuse the rest. Where
//! one does otherwise is listed here with the reason; a disagreement that is new or gone fails.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::script::{node, packages, python, workspace};

const SET: &str = "tests/vectors/jws_eddsa.json";
/// What the flag says is this project's own strictness.
const STRICTER: &str = "StricterProfile";

/// Whether a plain JWT library should accept this case.
fn is_for_all(case: &Value) -> bool {
    case["result"] == "valid" || case["flags"].as_array().unwrap().contains(&STRICTER.into())
}

/// What a library does with a case otherwise than expected, and why.
type Disagreement = (&'static str, &'static str, &'static str);

const TAIL_BITS: &str = "joserfc is as strict as we are, which RFC 4648, section 3.5 allows";
const UNKNOWN_MEMBER: &str = "joserfc refuses header members that it does not know";
const CRIT: &str = "joserfc looks for unknown extensions only, and not at the form of crit (RFC 7515, section 4.1.11)";
const ENCODING: &str =
    "Python's json.loads guesses the encoding of bytes, and RFC 7519, section 7.2 wants UTF-8";
const NUMBERS: &str = "Python's json reads the numbers of JavaScript that JSON does not have";
const SURROGATE: &str = "Python's json.loads decodes bytes with `surrogatepass`";
const DEPTH: &str = "Python ends at about 1,000 levels of recursion";

const JOSERFC: [Disagreement; 18] = [
    ("tail bits in the header", "refused DecodeError", TAIL_BITS),
    ("tail bits in the payload", "refused DecodeError", TAIL_BITS),
    ("tail bits in the signature", "refused BadSignatureError", TAIL_BITS),
    ("zip", "refused UnsupportedHeaderError", UNKNOWN_MEMBER),
    ("enc", "refused UnsupportedHeaderError", UNKNOWN_MEMBER),
    ("a member that nobody knows", "refused UnsupportedHeaderError", UNKNOWN_MEMBER),
    ("a member named __proto__", "refused UnsupportedHeaderError", UNKNOWN_MEMBER),
    ("a claim in the header", "refused UnsupportedHeaderError", UNKNOWN_MEMBER),
    ("crit of nothing", "accepted", CRIT),
    ("crit with a registered member", "accepted", CRIT),
    ("the header is in UTF-16", "accepted", ENCODING),
    ("NaN", "accepted", NUMBERS),
    ("Infinity", "accepted", NUMBERS),
    ("minus Infinity", "accepted", NUMBERS),
    ("a surrogate in UTF-8", "accepted", SURROGATE),
    ("the claims in UTF-16", "accepted", ENCODING),
    ("the claims in UTF-32", "accepted", ENCODING),
    ("2,000 levels", "refused RecursionError", DEPTH),
];

const LENIENT: &str =
    "the runtime's atob, or fromBase64, skips padding and white space (RFC 7515, section 2)";
const TIMES: &str = "jwtVerify judges exp by itself";

const JOSE: [Disagreement; 13] = [
    ("the header padded", "accepted", LENIENT),
    ("the payload padded", "accepted", LENIENT),
    ("the signature padded", "accepted", LENIENT),
    ("a space in the header", "accepted", LENIENT),
    ("a line feed in the payload", "accepted", LENIENT),
    ("a carriage return in the payload", "accepted", LENIENT),
    ("a line feed in the signature", "accepted", LENIENT),
    ("a tab in the signature", "accepted", LENIENT),
    ("a space after the token", "accepted", LENIENT),
    ("a line feed after the token", "accepted", LENIENT),
    ("an end as a text", "refused ERR_JWT_CLAIM_VALIDATION_FAILED", TIMES),
    ("an end that is null", "refused ERR_JWT_CLAIM_VALIDATION_FAILED", TIMES),
    ("an end before the beginning", "refused ERR_JWT_EXPIRED", TIMES),
];

/// What a script said of each case, by its number.
fn verdicts(command: &mut Command) -> BTreeMap<u64, String> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let lines = said.lines().map(|line| line.split_once(' ').expect("a number and a verdict"));
    lines.map(|(id, verdict)| (id.parse().unwrap(), verdict.to_owned())).collect()
}

#[test]
fn two_libraries_judge_the_jws_set_and_each_disagreement_is_known() {
    let Some(packages) = packages() else { return };
    let file = workspace().join(SET);
    let set: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let groups = set["testGroups"].as_array().unwrap();
    let cases = || groups.iter().flat_map(|group| group["tests"].as_array().unwrap());
    let packages = packages.canonicalize().unwrap();
    let libraries: [(&str, Command, &[Disagreement]); 2] =
        [("joserfc", python(&packages, "jws.py"), &JOSERFC), ("jose", node("jws.mjs"), &JOSE)];
    for (name, mut command, known) in libraries {
        let verdicts = verdicts(command.arg(file.canonicalize().unwrap()).arg(&packages));
        assert_eq!(Value::from(verdicts.len()), set["numberOfTests"], "{name} left a case out");
        let verdict = |case: &Value| verdicts[&case["tcId"].as_u64().unwrap()].as_str();
        let found: BTreeMap<&str, &str> = cases()
            .map(|case| (case, verdict(case)))
            .filter(|(case, verdict)| is_for_all(case) != (*verdict == "accepted"))
            .map(|(case, verdict)| (case["comment"].as_str().unwrap(), verdict))
            .collect();
        let known: BTreeMap<&str, &str> =
            known.iter().map(|(comment, verdict, _)| (*comment, *verdict)).collect();
        assert_eq!(found, known, "{name}");
    }
}
