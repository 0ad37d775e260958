//! What a journal shows to others, in the hands of public libraries that know nothing of it; and 100,000 ways to get it
//! wrong.

mod crates;
mod go;
mod log;
mod mutants;
