//! mandate-proto
