//! Time that cannot be bent: whatever is done to a wallet's clock, its ledger believes what the contract says, counts
//! what was paid, and passes no cap.

mod machine;
mod moments;
mod oracle;
mod sequences;
mod steps;
mod world;
