//! What operators are told while the store of files takes nothing, and how long whoever has a file waits meanwhile.

use std::time::Duration;

use queue::{Failure, OrFailure as _, clear_notice, post_notice};

use crate::ports::{Ctx, blobs::BlobTrouble};

/// Until somebody has looked at the store's keys.
const KEY_WAIT: Duration = Duration::from_secs(60);
/// The key of the notice about a store that does not let us in.
const NOTICE: &str = "blobs";

/// What becomes of an attempt whose file the store has not taken.
pub(crate) async fn trouble(ctx: &Ctx, trouble: BlobTrouble) -> Failure {
    match trouble {
        BlobTrouble::Away(words) => Failure::retry(format!("the store of files: {words}")),
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
