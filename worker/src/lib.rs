//! The worker: everything that runs jobs, apart from the jobs themselves.

mod accounts;
mod admin;
mod adopt;
mod check;
mod cli;
mod http;
mod migrate;
mod operate;
pub mod payments;
pub mod pdf;
mod publish;
mod pulse;
mod receive;
pub mod retention;
mod run;
pub mod s3;
mod schedule_commands;
mod school;
mod settings;
pub mod slack;
pub mod smtp;
mod supervise;
pub mod telemetry;
mod tokens;
pub mod xlsx;

pub use cli::{Outside, main};
pub use settings::{Mistakes, RunArgs, RunSettings, StoreArgs, Stores};
