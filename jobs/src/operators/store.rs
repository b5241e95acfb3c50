//! What operators are told while the store of files takes nothing, and how long whoever has a file waits meanwhile.

use std::time::Duration;

use queue::{Failure, OrFailure as _, clear_notice, post_notice};

use crate::ports::{Ctx, blobs::BlobTrouble};

/// Until somebody has looked at the store's keys.
const KEY_WAIT: Duration = Duration::from_secs(60);
/// How often a job asks that has used up its attempts on a store that is away.
const AWAY_WAIT: Duration = Duration::from_secs(60);
/// A store that is away for a moment wakes nobody; after so many attempts of one job it has been away for a while.
const PATIENCE: u32 = 3;
/// The key of the notice about a store that takes nothing.
const NOTICE: &str = "blobs";

/// What becomes of an attempt whose file the store has not taken.
pub(crate) async fn trouble(ctx: &Ctx, trouble: BlobTrouble) -> Failure {
    match trouble {
        BlobTrouble::Away(words) => {
            if ctx.attempt() >= PATIENCE {
                let told = format!(
                    "El almacén de archivos no responde; certificados e informes esperan y siguen solos cuando vuelva. / The store of files does not \
                     answer; certificates and reports wait, and go on by themselves when it is back. ({words})"
                );
                if let Err(failure) = post_notice(&ctx.db, NOTICE, &told).await.context("telling the operator") {
                    return failure;
                }
            }
            let words = format!("the store of files: {words}");
            // That is nothing that the job could do better: it goes on when the store is back, as operators are told.
            if ctx.is_last_attempt() { Failure::snooze(AWAY_WAIT, words) } else { Failure::retry(words) }
        }
        refused @ BlobTrouble::Refused(_) => {
            let words = refused.to_string();
            let told = format!(
                "El almacén de archivos no nos deja entrar; certificados e informes esperan. / {words}; certificates and reports wait."
            );
            match post_notice(&ctx.db, NOTICE, &told).await.context("telling the operator") {
                Ok(()) => Failure::snooze(KEY_WAIT, words),
                Err(failure) => failure,
            }
        }
    }
}

/// Says that it takes files.
pub(crate) async fn answers(ctx: &Ctx) -> Result<(), Failure> {
    clear_notice(&ctx.db, NOTICE).await.context("telling that the store answers")
}
