//! mandate-keys
