//! What Stripe sends us, and how we know that it was Stripe.

pub mod event;
pub mod signature;
