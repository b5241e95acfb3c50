//! What PayPal sends us, how we know that it was PayPal, and how it writes amounts.

pub mod amount;
pub mod certificate;
pub mod endpoint;
pub mod event;
pub mod signature;
