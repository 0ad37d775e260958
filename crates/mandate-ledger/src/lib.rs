//! mandate-ledger
