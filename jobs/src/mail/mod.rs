//! Letters: what one is, how its text is laid out, and what becomes of it.

pub mod delivery;
pub mod letter;
mod notice;
mod paper;
mod wrap;

pub use delivery::{Dispatch, deliver};
pub use paper::Paper;
