//! The flows: one test binary, because linking dominates.

mod engine;
mod sandbox;
