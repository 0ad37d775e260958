//! What a case tries: each flag with the kind of bug that it is for, and where such a bug was known.

use serde::{Deserialize, Serialize};

/// What is said of a flag in the file.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Note {
    bug_type: String,
    description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    effect: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cves: Vec<String>,
}

macro_rules! flags {
    ($($name:ident: $bug:literal, $description:literal, $effect:expr, [$($cve:literal),*];)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Flag {
            $($name,)+
        }

        impl Flag {
            pub(super) fn name(self) -> String {
                format!("{self:?}")
            }

            pub(super) fn note(self) -> Note {
                match self {
                    $(Self::$name => {
                        let effect: Option<&str> = $effect;
                        Note {
                            bug_type: $bug.to_owned(),
                            description: $description.to_owned(),
                            effect: effect.map(str::to_owned),
                            cves: vec![$($cve.to_owned()),*],
                        }
                    })+
                }
            }
        }
    };
}

flags! {
    AlgNone: "AUTH_BYPASS", "The token says that it needs no signature.",
        Some("Anybody forges tokens."), ["CVE-2015-9235", "CVE-2018-1000531", "CVE-2020-28042"];
    AlgorithmConfusion: "AUTH_BYPASS", "The token names an algorithm that is not that of the key, in one case with a MAC under the bytes of the public key.",
        Some("Who has the public key forges tokens."), ["CVE-2015-9235", "CVE-2016-5431", "CVE-2016-10555", "CVE-2022-29217", "CVE-2024-54150"];
    AlgorithmName: "BASIC", "The algorithm's name is missing, of another type or in another spelling; names are case-sensitive (RFC 7515, section 4.1.1).", None, [];
    Base64: "FUNCTIONALITY", "A segment is not unpadded base64url (RFC 7515, section 2).",
        Some("One signature has many texts, so a list of used tokens can be passed by."), [];
    Base64TailBits: "SIGNATURE_MALLEABILITY", "The unused low bits of a segment's last character are not zero; a decoder may refuse that (RFC 4648, section 3.5).",
        Some("One signature has many texts, so a list of used tokens can be passed by."), [];
    ClaimsOfTheKind: "MISSING_STEP", "A claim is missing, unknown, or not what its kind of token allows.", None, [];
    CofactoredOnly: "CAN_OF_WORMS", "The equation holds only when both sides are multiplied by the cofactor (RFC 8032, section 5.1.7 allows either).",
        Some("Two verifiers do not agree on one token."), [];
    CriticalHeader: "AUTH_BYPASS", "The header has an extension that has to be understood, or `crit` breaks its own rules (RFC 7515, section 4.1.11).",
        Some("A restriction is passed by."), ["CVE-2025-59420"];
    DuplicateKey: "CAN_OF_WORMS", "A name stands twice in one object (RFC 7515, section 4; RFC 7519, section 4).",
        Some("Two readers see two tokens."), [];
    EmbeddedKey: "AUTH_BYPASS", "The token brings the key, or says where it is, that its forger holds.",
        Some("Anybody forges tokens."), ["CVE-2018-0114"];
    HeaderMember: "MISSING_STEP", "The header has a member beside alg, typ and kid, or lacks one of them.", None, [];
    JsonNumber: "CAN_OF_WORMS", "A number is signed, has a fraction or an exponent, or is past 2^53 - 1.",
        Some("Two readers see two amounts."), [];
    JsonSyntax: "BASIC", "Header or claims are no JSON object in UTF-8 (RFC 8259, RFC 7519, section 7.2).", None, [];
    JsonUnusual: "CAN_OF_WORMS", "JSON that is read in more than one way: a byte order mark, white space around the object, a lone surrogate, deep nesting, many members.", None, [];
    KeyId: "AUTH_BYPASS", "`kid` names no trusted key, or is none.", None, [];
    MixedOrderKey: "CAN_OF_WORMS", "The public key is a key of the prime-order group plus a point of small order.", None, [];
    Segments: "BASIC", "The text does not have the three non-empty segments of a signed compact JWS.", None, [];
    SignatureLength: "SIGNATURE_MALLEABILITY", "The signature does not have 64 bytes.",
        Some("One message has many signatures."), ["CVE-2024-42459"];
    SignatureMalleability: "SIGNATURE_MALLEABILITY", "S is not below the order of the group (RFC 8032, section 5.1.7).",
        Some("One message has many signatures."), ["CVE-2020-36843", "CVE-2024-48949"];
    SmallOrderKey: "WEAK_PARAMS", "The public key is a point of small order: its signatures hold for messages that nobody signed.",
        Some("A signature proves nothing about who made it."), [];
    SmallOrderR: "WEAK_PARAMS", "R is a point of small order, which no honest signer makes.", None, [];
    StricterProfile: "DEFINED", "Refused by this project's profile of JWS; a plain JWT library may accept it.", None, [];
    TokenSize: "DEFINED", "The token is longer than 8 KiB.", None, [];
    TokenType: "MISSING_STEP", "`typ` names no kind of token, or another spelling of one (RFC 8725, section 3.11).",
        Some("A token of one kind is taken for another."), [];
    WrongMessage: "AUTH_BYPASS", "A good signature of the trusted key, over something else.", None, [];
    WrongSignature: "BASIC", "The signature was changed, or is of another key.", None, ["CVE-2022-21449"];
}
