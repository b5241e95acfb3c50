//! What is wrong with Redis that only a person can mend, told to operators where they look.

use std::{
    collections::BTreeMap,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use redis::{ErrorKind, RedisError};
use sqlx::PgPool;

use crate::{
    loops::{Outage, bounded},
    notices::{clear_notice, post_notice},
};

const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A trouble that no loop has met for so long is over: each tries at least once in two seconds.
const OVER_AFTER: Duration = Duration::from_secs(10);

/// A way in which Redis refuses. What it says is not repeated: it might quote a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    Full,
    Password,
    ReadOnly,
    WrongType,
}

impl Trouble {
    const ALL: [Self; 4] = [Self::Full, Self::Password, Self::ReadOnly, Self::WrongType];

    fn of(error: &RedisError) -> Option<Self> {
        if error.kind() == ErrorKind::AuthenticationFailed {
            return Some(Self::Password);
        }
        match error.code()? {
            "OOM" => Some(Self::Full),
            "NOAUTH" | "WRONGPASS" | "NOPERM" => Some(Self::Password),
            "READONLY" => Some(Self::ReadOnly),
            "WRONGTYPE" => Some(Self::WrongType),
            _ => None,
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::Full => "redis_full",
            Self::Password => "redis_password",
            Self::ReadOnly => "redis_read_only",
            Self::WrongType => "redis_wrong_type",
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Full => {
                "Redis no acepta trabajos nuevos porque su memoria está llena: dale más (maxmemory) o borra lo que no es nuestro. Los \
                 trabajos prometidos esperan en Postgres. / Redis takes no new jobs because its memory is full: give it more (maxmemory) or \
                 remove what is not ours. Promised jobs wait in Postgres."
            }
            Self::Password => {
                "Redis no nos deja entrar o no nos permite todo: revisa el usuario y la contraseña de REDIS_URL y sus permisos. Los trabajos \
                 esperan. / Redis does not let us in, or not do everything: check user and password in REDIS_URL, and what that user \
                 may do. Jobs wait."
            }
            Self::ReadOnly => {
                "Redis es una réplica de solo lectura: apunta REDIS_URL al primario, o haz primario a este. Los trabajos esperan. / Redis \
                 is a read-only replica: point REDIS_URL to the primary, or make this one the primary. Jobs wait."
            }
            Self::WrongType => {
                "En Redis hay bajo uno de nuestros nombres algo que no es nuestro: mira qué programa comparte FAENA_NAMESPACE y quítalo; el \
                 diario del worker dice qué falla. / Under one of our names Redis holds something that is not ours: see which program shares \
                 FAENA_NAMESPACE and remove it; the worker's log says what fails."
            }
        }
    }
}

/// The troubles that this worker's loops have met, and when last.
#[derive(Debug, Default)]
pub(crate) struct Troubles(Mutex<BTreeMap<Trouble, Instant>>);

impl Troubles {
    /// Notes what an error or one of its causes says of Redis.
    pub(crate) fn note(&self, error: &(dyn Error + 'static)) {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(trouble) = error.downcast_ref().and_then(Trouble::of) {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(trouble, Instant::now());
            }
            cause = error.source();
        }
    }

    fn is_met(&self, trouble: Trouble) -> bool {
        let met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        met.get(&trouble).is_some_and(|at| at.elapsed() < OVER_AFTER)
    }
}

/// Posts a notice for each trouble while it lasts, and takes it away when it is over. Another worker that still meets it posts it again.
pub(crate) async fn tell_troubles(troubles: Arc<Troubles>, db: PgPool, mut outage: Outage) {
    let started = Instant::now();
    let mut posted: Vec<Trouble> = Vec::new();
    let mut swept = false;
    loop {
        let told = bounded(async {
            for trouble in Trouble::ALL {
                if troubles.is_met(trouble) {
                    if !posted.contains(&trouble) {
                        post_notice(&db, trouble.key(), trouble.sentence()).await?;
                        posted.push(trouble);
                    }
                } else if posted.contains(&trouble) || !swept && started.elapsed() > OVER_AFTER {
                    // Also what a process that is gone has left.
                    clear_notice(&db, trouble.key()).await?;
                    posted.retain(|other| *other != trouble);
                }
            }
            Ok::<_, sqlx::Error>(())
        });
        match told.await {
            Ok(()) => {
                swept |= started.elapsed() > OVER_AFTER;
                outage.over();
            }
            Err(error) => outage.failed(&error),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_found_among_an_errors_causes() {
        #[derive(Debug, thiserror::Error)]
        #[error("asking")]
        struct Asking(#[source] RedisError);
        let troubles = Troubles::default();
        troubles.note(&Asking((ErrorKind::Io, "away").into()));
        assert!(Trouble::ALL.iter().all(|trouble| !troubles.is_met(*trouble)));

        troubles.note(&Asking((ErrorKind::AuthenticationFailed, "no").into()));

        assert!(troubles.is_met(Trouble::Password) && !troubles.is_met(Trouble::Full));
    }
}
