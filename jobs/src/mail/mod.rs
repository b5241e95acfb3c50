//! Letters: what they say, what one is, and what becomes of it.

pub mod bounce;
pub mod delivery;
pub mod letter;
pub mod letters;
mod notice;
mod paper;
pub mod read_mail_report;
mod reader;
pub mod report;
pub mod return_tag;
mod stream;
pub mod suppression;
pub mod unsubscribe;
mod wrap;

pub(crate) use notice::KEY as NOTICE;

pub use delivery::{Dispatch, deliver, send};
pub use paper::Paper;
pub use reader::{Reader, Said, grouped};
pub use stream::Stream;
