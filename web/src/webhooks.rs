//! What others tell us without being asked. Verified over the very bytes that came, written down, and only then answered.

pub(crate) mod stripe;
