//! What a client process is asked to do, and what it tells of it.

use std::fmt;
use std::path::PathBuf;

use mandate_tests::bench::figures::Latencies;
use serde::{Deserialize, Serialize};

/// One of the wallet's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    GetPrincipal,
    MintIntent,
    MintPayment,
    RecordReceipt,
    GetBudget,
}

/// Who answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Server {
    /// The built `mandated`.
    Wallet,
    /// A server that has no ledger, on the same settings.
    Floor,
}

/// On what a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Connection {
    /// One that the client keeps, and has used before.
    Warm,
    /// A new one for each call; making it is part of the time.
    New,
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Warm => "warm",
            Self::New => "new",
        })
    }
}

/// So many calls of one kind, by so many clients at a time.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Burst {
    pub server: Server,
    pub call: Call,
    pub connection: Connection,
    pub clients: u64,
    pub calls: u64,
    /// Lines of each cart.
    pub lines: u64,
}

/// What a client process is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Ask {
    /// To make these calls; answered by [`Times`].
    Burst(Burst),
    /// To buy once; answered by [`Tokens`].
    Sample,
}

/// How long calls took, in microseconds, and how many were answered in a second.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Times {
    pub p50: f64,
    pub p99: f64,
    pub p99_9: f64,
    pub per_s: f64,
}

impl Times {
    pub fn of(latencies: &Latencies, seconds: f64) -> Self {
        Self {
            p50: latencies.percentile_us(50.0),
            p99: latencies.percentile_us(99.0),
            p99_9: latencies.percentile_us(99.9),
            per_s: latencies.count() as f64 / seconds,
        }
    }
}

/// One intent and its payment, as the wallet signed them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tokens {
    pub intent: String,
    pub payment: String,
}

/// Where a client process finds the two servers, and the keys that each signs with (the `x` of a JWK).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Places {
    pub wallet: (PathBuf, String),
    pub floor: (PathBuf, String),
}
