//! The jobs that a schedule may name, whatever their ports.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use queue::{ByNameError, Enqueued, JobId, OrderByName, Registry};
use sqlx::PgConnection;

/// Kinds of job by name: a [`Registry`], of which only names and arguments are asked.
pub trait Catalogue: Send + Sync {
    /// Every kind of job.
    fn names(&self) -> Vec<&'static str>;

    /// The arguments as the job itself would write them.
    ///
    /// # Errors
    /// There is no such job, or they are not its arguments.
    fn normalize(&self, name: &str, args: &str) -> Result<String, ByNameError>;

    /// As [`Self::normalize`], of arguments that somebody has just written: a field that the job does not know is a mistake.
    ///
    /// # Errors
    /// As [`Self::normalize`]; or there is such a field.
    fn check_args(&self, name: &str, args: &str) -> Result<String, ByNameError>;

    /// Promises a job under this id.
    fn enqueue<'c>(
        &'c self,
        tx: &'c mut PgConnection,
        id: JobId,
        name: &'c str,
        args: &'c str,
        run_at: Option<DateTime<Utc>>,
    ) -> BoxFuture<'c, Result<Enqueued, ByNameError>>;
}

/// A catalogue that several parts of a program share.
pub type SharedCatalogue = Arc<dyn Catalogue>;

impl<P: Send + Sync + 'static> Catalogue for Registry<P> {
    fn names(&self) -> Vec<&'static str> {
        self.kinds().map(|kind| kind.name).collect()
    }

    fn normalize(&self, name: &str, args: &str) -> Result<String, ByNameError> {
        self.normalize(name, args)
    }

    fn check_args(&self, name: &str, args: &str) -> Result<String, ByNameError> {
        self.check_args(name, args)
    }

    fn enqueue<'c>(
        &'c self,
        tx: &'c mut PgConnection,
        id: JobId,
        name: &'c str,
        args: &'c str,
        run_at: Option<DateTime<Utc>>,
    ) -> BoxFuture<'c, Result<Enqueued, ByNameError>> {
        Box::pin(self.enqueue_by_name(tx, OrderByName { name, args, run_at, id: Some(id), ..OrderByName::default() }))
    }
}
