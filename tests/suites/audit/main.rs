//! A principal and a merchant who disagree each bring one folder, and a third person with public keys says who is right.

mod commands;
mod proof;
mod reconcile;
