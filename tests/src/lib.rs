//! What the tests share: the sandbox as a test sees it.

pub mod sandbox;
