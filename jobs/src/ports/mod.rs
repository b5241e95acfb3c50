//! The doors to the outside world that jobs are given: one trait a door; the worker brings what is behind it.

pub mod blobs;
pub mod chat;
pub mod fakes;
pub mod links;
pub mod mailer;
pub mod payments;
pub mod pdf;
pub mod spreadsheets;

use std::sync::Arc;

use blobs::Blobs;
use chat::Chat;
use links::Links;
use mailer::Mailer;
use payments::Payments;
use pdf::Pdf;
use queue::Store;
use spreadsheets::Spreadsheets;

use crate::{certificates::signing::Signer, housekeeping::retention::Retention};

/// What jobs are given.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Sends letters.
    pub mail: Arc<dyn Mailer>,
    /// Makes the links that letters carry.
    pub links: Links,
    /// Take money.
    pub payments: Payments,
    /// Keeps files, where there is a store.
    pub blobs: Option<Arc<dyn Blobs>>,
    /// Prints certificates and reports, where there are fonts.
    pub pdf: Option<Arc<dyn Pdf>>,
    /// Makes spreadsheets.
    pub spreadsheets: Option<Arc<dyn Spreadsheets>>,
    /// Signs certificates, where there is a key.
    pub signer: Option<Signer>,
    /// Says things in channels, where there are any.
    pub chat: Option<Arc<dyn Chat>>,
    /// The live jobs, for those who keep house and look after the engine.
    pub live: Option<Store>,
    /// How long what is over is kept.
    pub retention: Retention,
}

/// The surroundings of one attempt of ours.
pub type Ctx = queue::Ctx<Ports>;
