//! What an operator is told while no letter can leave, and how long letters wait meanwhile.

use std::time::Duration;

use queue::{clear_notice, post_notice};
use sqlx::{PgExecutor, PgPool};

use crate::ports::mailer::{Part, Trouble};

/// The key of the notice.
pub(crate) const KEY: &str = "smtp";
const SHORTEST: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(300);

/// Says that no letter can leave, and how long this one should wait: as long again as the trouble has lasted, within bounds, so
/// that a short outage costs little and a long one is not knocked at all the time.
pub(super) async fn post(db: &PgPool, trouble: &Trouble) -> sqlx::Result<Duration> {
    post_notice(db, KEY, &sentence(trouble)).await?;
    let (standing_s,): (f64,) = sqlx::query_as(
        "select coalesce(max(extract(epoch from clock_timestamp() - since)), 0)::float8 from faena.notices where key = $1",
    )
    .bind(KEY)
    .fetch_one(db)
    .await?;
    Ok(wait(Duration::try_from_secs_f64(standing_s).unwrap_or_default()))
}

/// Says that letters leave again.
pub(super) async fn clear(db: impl PgExecutor<'_>) -> sqlx::Result<()> {
    clear_notice(db, KEY).await
}

/// A crowd that waits for the same server comes back spread over a fifth of the wait.
pub(super) fn wait(standing: Duration) -> Duration {
    let wait = standing.clamp(SHORTEST, LONGEST.mul_f64(1.0 / 1.2));
    wait.mul_f64(1.0 + 0.2 * rand::random::<f64>())
}

fn sentence(trouble: &Trouble) -> String {
    let (es, en) = match trouble.part {
        Part::Connection => (
            "El servidor de correo no responde: revisa SMTP_URL y el servidor",
            "The mail server does not answer: check SMTP_URL and the server",
        ),
        Part::Encryption => (
            "No hay cifrado de confianza con el servidor de correo: revisa su certificado y SMTP_CA_FILE",
            "There is no trusted encryption with the mail server: check its certificate and SMTP_CA_FILE",
        ),
        Part::Login => (
            "El servidor de correo no nos deja entrar: revisa el usuario y la contraseña de SMTP_URL",
            "The mail server does not let us in: check user and password in SMTP_URL",
        ),
        Part::Conversation => (
            "El servidor de correo corta la conversación antes de recibir la carta: revisa el servidor",
            "The mail server ends the conversation before it takes the letter: check the server",
        ),
    };
    format!(
        "{es}. Las cartas esperan y saldrán solas cuando se arregle. / {en}. Letters wait, and leave by themselves when it is mended. ({})",
        trouble.words
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_with_the_trouble_from_half_a_minute_to_five() {
        for (standing_s, least, most) in [(0, 30, 36), (40, 40, 48), (120, 120, 144), (100_000, 250, 300)] {
            for _ in 0..200 {
                let waits = wait(Duration::from_secs(standing_s)).as_secs_f64();
                assert!((f64::from(least)..=f64::from(most)).contains(&waits), "{standing_s} s: {waits} s");
            }
        }
    }

    #[test]
    fn an_operator_reads_it_in_both_languages_with_the_servers_words() {
        let told = sentence(&Trouble::new(Part::Login, "535 5.7.8 bad credentials"));
        assert!(told.contains("contraseña") && told.contains("password") && told.contains("535 5.7.8 bad credentials"), "{told}");
    }
}
