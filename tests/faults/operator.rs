//! The operator among the faults: runs dead jobs again, changes waiting ones and deletes what is over, as the pages and the command line do, and notes
//! in the record what was granted.
//!
//! What an operator does is done in this process and not in a worker: there is no point at which it could be told to crash. It is cut off all the same,
//! by servers that end or stand still, and by its own impatience.

use std::time::Duration;

use faena_tests::strain::{Carry, Load};
use queue::{
    Edit, JobId, Operations,
    operations::{CommandError, CommandOutcome},
};
use serde_json::value::to_raw_value;

use crate::{
    load::Loader,
    record::{CHANGED, Granted, Wish},
};

/// Whoever has waited for an answer for so long does not know what came of it.
const PATIENCE: Duration = Duration::from_secs(10);
/// For so long an end is waited for, after which something is wanted of the job.
const LONGEST_LIFE: Duration = Duration::from_secs(12);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What an operator wants of a job, and after which time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) wish: Wish,
    pub(crate) id: JobId,
    pub(crate) n: i64,
    pub(crate) after: Duration,
}

impl Loader {
    /// Asks once. What is refused for its own sake has changed nothing; where the answer was lost, both are right.
    pub(crate) async fn operate(self, Asked { wish, id, n, after }: Asked) {
        tokio::time::sleep(after).await;
        if wish != Wish::Edit && !self.ends(id).await {
            return;
        }
        // Over connections that give up soon.
        let operations = Operations::new(self.stores.store.clone(), self.db.clone());
        let perhaps = Some(Granted { wish, is_certain: false });
        self.record.granted(n, perhaps);
        let asked = async {
            match wish {
                Wish::Retry => operations.retry(id, "faults").await,
                Wish::Delete => operations.delete(id, "faults").await,
                Wish::Edit => operations.edit(id, &other_number(n), "faults").await,
            }
        };
        let granted = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(CommandOutcome::EnqueuedAgain | CommandOutcome::Deleted | CommandOutcome::Edited)) => {
                Some(Granted { wish, is_certain: true })
            }
            Ok(Err(CommandError::Stores(_))) | Err(_) => perhaps,
            Ok(Ok(_) | Err(_)) => None,
        };
        self.record.granted(n, granted);
    }

    /// Waits until the ledger has the job's end, but not for ever.
    async fn ends(&self, id: JobId) -> bool {
        let ended = async {
            loop {
                let found: sqlx::Result<Option<i32>> =
                    sqlx::query_scalar("select 1 from faena.jobs where id = $1").bind(id).fetch_optional(&self.db).await;
                if matches!(found, Ok(Some(_))) {
                    return;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(LONGEST_LIFE, ended).await.is_ok()
    }
}

/// The work of a [`Carry`], under another number.
fn other_number(n: i64) -> Edit {
    let args = to_raw_value(&Carry(Load::default().numbered(n + CHANGED))).expect("a load is JSON");
    Edit { args: Some(args), run_at: None }
}
