//! What operators are told by letter.

pub mod notice;
pub mod tell_operator;
