//! What Stripe sends us, how we know that it was Stripe, and which amounts it takes.

pub mod amount;
pub mod event;
pub mod signature;
