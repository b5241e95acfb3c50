//! What work exists, by business domain.

pub mod accounts;
