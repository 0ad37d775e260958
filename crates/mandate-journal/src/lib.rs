//! mandate-journal
