//! What machines ask: is it alive, may it have work, what are its figures.

pub(crate) mod health;
pub(crate) mod metrics;
pub(crate) mod ready;
