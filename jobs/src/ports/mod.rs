//! The doors to the outside world that jobs are given: one trait a door; the worker brings what is behind it.

pub mod fakes;
pub mod links;
pub mod mailer;
pub mod payments;

use std::sync::Arc;

use links::Links;
use mailer::Mailer;
use payments::Payments;

/// What jobs are given.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Sends letters.
    pub mail: Arc<dyn Mailer>,
    /// Makes the links that letters carry.
    pub links: Links,
    /// Take money.
    pub payments: Payments,
}

/// The surroundings of one attempt of ours.
pub type Ctx = queue::Ctx<Ports>;
