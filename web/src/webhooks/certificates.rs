//! The certificates that PayPal signs with, as workers have fetched them: in Postgres, and in memory.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use chrono::{DateTime, Utc};
use jobs::payments::paypal::{certificate::Chain, endpoint::Endpoint};
use sqlx::PgPool;

/// More than PayPal signs with at a time.
const MOST: usize = 16;

/// Those that were asked for.
#[derive(Debug, Default)]
pub(crate) struct Certificates(RwLock<HashMap<String, Arc<Chain>>>);

impl Certificates {
    /// The certificate of that address, if it is here and believed at this moment.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub(crate) async fn find(
        &self,
        db: &PgPool,
        endpoint: &Endpoint,
        url: &str,
        now: DateTime<Utc>,
    ) -> sqlx::Result<Option<Arc<Chain>>> {
        let is_good = |chain: &Arc<Chain>| endpoint.trust.check(chain, now.timestamp()).is_ok();
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner).get(url).cloned();
        if let Some(chain) = kept.filter(is_good) {
            return Ok(Some(chain));
        }
        let pem: Option<Vec<u8>> =
            sqlx::query_scalar("select pem from school.paypal_certificates where url = $1").bind(url).fetch_optional(db).await?;
        let chain = pem.and_then(|pem| Chain::read(&pem).ok()).map(Arc::new).filter(is_good);
        if let Some(chain) = &chain {
            let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= MOST {
                kept.clear();
            }
            kept.insert(url.to_owned(), Arc::clone(chain));
        }
        Ok(chain)
    }
}
