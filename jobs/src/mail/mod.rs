//! Letters: what they say, what one is, and what becomes of it.

pub mod bounce;
pub mod delivery;
pub mod letter;
pub mod letters;
mod notice;
mod paper;
mod reader;
pub mod return_tag;
mod stream;
pub mod suppression;
pub mod unsubscribe;
mod wrap;

pub use delivery::{Dispatch, deliver, send};
pub use paper::Paper;
pub use reader::{Reader, Said};
pub use stream::Stream;
