//! What the desk knows, written down: articles for itself and for its clients.
//!
//! ```text
//! draft ◄─► published ─► archived ─► draft
//!   └──────────────────────►┘
//! ```
//!
//! Whoever works at the desk writes. Clients read what is published for them; that there is anything else they are not told.

pub mod article;
pub mod plain;
pub mod slug;
pub mod suggest;
pub mod write;
