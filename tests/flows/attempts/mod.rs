//! Attempts made in this process, with the kit that is for those who write jobs: the kit itself, and our own jobs.

mod issue_certificate;
mod kit;
mod welcome_learner;
