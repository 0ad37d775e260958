//! One hold, one merchant: its receipt, or the void of a payment that nobody used.

use mandate::UnixSeconds;
use mandate::discovery::RECEIPTS_PATH;
use mandate::token::{CLOCK_SKEW_S, Receipt, ReceiptClaims, TOKEN_BYTES_MAX, UnverifiedMandate};
use mandate_proto::v1;
use serde::Deserialize;

use super::Outcome;
use crate::failure::{Denial, Failure, chain};
use crate::fetch::{Answer, FetchError, Fetcher, Question};
use crate::holds::Hold;
use crate::time::local;
use crate::wallet::Control;

/// Longest answer, in bytes: a token, or a problem in a merchant's own words.
const ANSWER_BYTES_MAX: usize = 4 * TOKEN_BYTES_MAX;
/// Longest reason of a problem, in bytes; what is longer is none that a gateway gives.
const REASON_BYTES_MAX: usize = 64;
/// The header that a payment is presented in.
const PAYMENT_HEADER: &str = "mandate-payment";

/// What came of asking a merchant.
pub(super) enum Asked {
    /// It said something.
    Answered(Outcome),
    /// It did not, and may not the next time.
    Silent(FetchError),
}

/// The wallet on one side, merchants on the other.
pub(super) struct Desk<'d> {
    /// The wallet.
    pub(super) control: &'d Control,
    /// The way to merchants.
    pub(super) fetcher: Fetcher,
    /// The time.
    pub(super) now: UnixSeconds,
}

/// What a merchant answers, as far as it is understood.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Receipt(String),
    Refused { status: u16, reason: Option<String> },
}

#[derive(Deserialize)]
struct Found {
    receipt: String,
}

#[derive(Deserialize)]
struct Problem {
    reason: String,
}

fn unanswered(why: impl Into<String>) -> Asked {
    Asked::Answered(Outcome::Unanswered { why: why.into() })
}

fn open(why: impl Into<String>) -> Asked {
    Asked::Answered(Outcome::Open { why: why.into() })
}

impl Desk<'_> {
    /// Asks for the receipt of a hold, then, if its time is over, for the void.
    ///
    /// An error is the wallet's; whatever a merchant does is an outcome.
    pub(super) fn ask(&mut self, hold: &Hold, url: &str) -> Result<Asked, Failure> {
        let Some(hash) = &hold.payment else {
            return Ok(unanswered("it has not been signed; see `mandate status` for the key"));
        };
        let url = format!("{url}{RECEIPTS_PATH}/{hash}");
        match self.fetch(&url, None) {
            Ok(Said::Receipt(receipt)) => self.hand_in(&url, hash, &receipt),
            Ok(Said::Refused { status: 404, reason: Some(reason) })
                if reason == "receipt_unknown" =>
            {
                self.ask_for_void(hold, &url, hash)
            }
            Ok(Said::Refused { status, reason }) => Ok(refused(&url, status, reason)),
            Err(error) => Ok(unreached(&url, error)),
        }
    }

    fn ask_for_void(&mut self, hold: &Hold, url: &str, hash: &str) -> Result<Asked, Failure> {
        if let Some(ends) = hold.expires_at.filter(|ends| self.now <= *ends) {
            // A use that is begun and not settled has no receipt either, and this question does not tell the two apart.
            let void_from = local(ends.plus(CLOCK_SKEW_S).plus(1));
            let why = format!(
                "no receipt yet: not used, or its use is not settled; if it is not used, a void can be had from {void_from}"
            );
            return Ok(open(why));
        }
        let payment = match self.control.payment(hold.seq) {
            Ok(told) => told.mandate,
            Err(Failure::Denied(denial)) => return Ok(unanswered(denied(&denial))),
            Err(failure) => return Err(failure),
        };
        match self.fetch(url, Some((PAYMENT_HEADER, &payment))) {
            Ok(Said::Receipt(receipt)) => self.hand_in(url, hash, &receipt),
            Ok(Said::Refused { status: 409, reason: Some(reason) }) => Ok(match reason.as_str() {
                "not_expired" => open(
                    "not used, and the merchant waits a little longer than its time; ask again in a minute",
                ),
                "in_progress" => {
                    open("the merchant has begun it and does not know its end yet; ask again later")
                }
                _ => refused(url, 409, Some(reason)),
            }),
            Ok(Said::Refused { status, reason }) => Ok(refused(url, status, reason)),
            Err(error) => Ok(unreached(url, error)),
        }
    }

    fn fetch(&mut self, url: &str, post: Option<(&'static str, &str)>) -> Result<Said, FetchError> {
        let question = Question { url, post, bytes_max: ANSWER_BYTES_MAX };
        self.fetcher.ask(question).map(read)
    }

    /// Gives the wallet a receipt of this very payment.
    fn hand_in(&self, url: &str, hash: &str, receipt: &str) -> Result<Asked, Failure> {
        let parsed = match UnverifiedMandate::<Receipt>::parse(receipt) {
            Ok(parsed) => parsed,
            Err(error) => {
                return Ok(unanswered(format!("{url} gives no receipt: {}", chain(&error))));
            }
        };
        let ReceiptClaims { payment, order, reason, .. } = parsed.claims();
        // A good receipt of another payment would settle that one, and be told of this.
        if payment.is_none_or(|payment| payment.to_string() != hash) {
            return Ok(unanswered(format!("{url} gives the receipt of another payment")));
        }
        let (order, reason) = (order.as_ref(), reason.as_ref());
        match self.control.receipt(v1::RecordReceiptRequest { receipt: receipt.to_owned() }) {
            Ok(told) if told.status == "executed" => {
                let order = order.map(ToString::to_string);
                Ok(Asked::Answered(Outcome::Settled { order }))
            }
            Ok(_) => {
                let reason = reason.map(ToString::to_string);
                Ok(Asked::Answered(Outcome::Released { reason }))
            }
            Err(Failure::Denied(denial)) => {
                let denied = denied(&denial);
                Ok(unanswered(format!("the wallet refuses the receipt from {url}: {denied}")))
            }
            Err(failure) => Err(failure),
        }
    }
}

fn read(answer: Answer) -> Said {
    let Answer { status, body } = answer;
    if status == 200
        && let Ok(Found { receipt }) = serde_json::from_slice(&body)
    {
        return Said::Receipt(receipt);
    }
    let problem = serde_json::from_slice(&body).ok();
    let reason = problem.map(|Problem { reason }| reason).filter(|reason| {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        reason.len() <= REASON_BYTES_MAX && reason.bytes().all(fits)
    });
    Said::Refused { status, reason }
}

fn refused(url: &str, status: u16, reason: Option<String>) -> Asked {
    let why = match (status, reason) {
        (200, _) => format!("{url} answers 200 without a receipt"),
        (404, None) => {
            format!(
                "{url} answers 404 without a reason: its url in wallet.toml may not be where its API is"
            )
        }
        (status, Some(reason)) => format!("{url} answers {status} {reason}"),
        (status, None) => format!("{url} answers {status}"),
    };
    unanswered(why)
}

fn unreached(url: &str, error: FetchError) -> Asked {
    if error.is_lasting() {
        return Asked::Silent(error);
    }
    unanswered(format!("{url} {}", chain(&error)))
}

fn denied(denial: &Denial) -> String {
    format!("{}: {}", denial.reason, denial.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_receipt_or_a_status_with_a_plain_reason() {
        let said = |status, body: &str| read(Answer { status, body: body.into() });
        let receipt = r#"{"receipt":"a.b.c"}"#;
        assert_eq!(said(200, receipt), Said::Receipt("a.b.c".to_owned()));
        let refused = |status, reason: Option<&str>| Said::Refused {
            status,
            reason: reason.map(str::to_owned),
        };
        assert_eq!(said(201, receipt), refused(201, None));
        let problem = r#"{"type":"about:blank","status":404,"reason":"receipt_unknown"}"#;
        assert_eq!(said(404, problem), refused(404, Some("receipt_unknown")));
        for body in ["", "<html>", "[]", r#"{"reason":7}"#, r#"{"reason":"\u001b[31m"}"#] {
            assert_eq!(said(404, body), refused(404, None), "{body}");
        }
        let long = format!(r#"{{"reason":"{}"}}"#, "a".repeat(65));
        assert_eq!(said(500, &long), refused(500, None));
    }
}
