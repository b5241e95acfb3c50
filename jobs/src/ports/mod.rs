//! The doors to the outside world that jobs are given: one trait a door; the worker brings what is behind it.

pub mod fakes;
pub mod links;
pub mod mailer;

use std::sync::Arc;

use links::Links;
use mailer::Mailer;

/// What jobs are given.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Sends letters.
    pub mail: Arc<dyn Mailer>,
    /// Makes the links that letters carry.
    pub links: Links,
}

/// The surroundings of one attempt of ours.
pub type Ctx = queue::Ctx<Ports>;
