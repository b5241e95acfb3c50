//! Finding tickets and articles.
//!
//! ```text
//! typed ─► query ─► by words: any form, no accents, beginnings, phrases ──(little found)──► by spelling: the same with the words that were meant
//!                      │            by what clients and their people are called, for those who work here
//!                      └─► what the reader may see, in the statement ─► the newest that match ─► the closest of these ─► what to mark in them
//! ```
//!
//! Postgres judges: which words are forms of each other, which a text holds, and which of its words are to be marked. What is to be marked comes as
//! pieces of text, and whoever writes a page makes elements of them.

pub mod excerpt;
pub mod find;
mod names;
pub mod query;
pub mod spelling;
