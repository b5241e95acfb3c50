//! What operators are told of though they are not looking.

pub mod bilingual;
pub mod notice;
pub(crate) mod store;
pub mod tell_operator;
pub mod watch_platform;
