//! The wallet's process or its disk fails at any moment: what was handed out is there when it starts again.

mod child;
mod faults;
mod kill;
