//! The wallet's process is killed at any moment under many clients: every mandate that anybody ever got is on disk, no
//! cart is paid twice, no cap is passed, and a freeze that was answered holds.

mod child;
mod clients;
mod kill;
mod principal;
