//! Keeping house: what expired is removed, in bounded steps.

pub mod sweep_sessions;
