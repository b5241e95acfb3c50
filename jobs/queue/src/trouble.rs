//! What is wrong with Redis that only a person can mend, told to operators where they look.

use std::{
    collections::{BTreeMap, BTreeSet},
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
/// A loop that was built anew works; that it had to be is worth an operator's look.
const STALL_IS_TOLD_FOR: Duration = Duration::from_secs(600);

/// A way in which Redis refuses. What it says is not repeated: it might quote a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    Full,
    Password,
    ReadOnly,
    WrongType,
    /// A loop of ours hung, whatever of.
    Stalled,
}

impl Trouble {
    const ALL: [Self; 5] = [Self::Full, Self::Password, Self::ReadOnly, Self::WrongType, Self::Stalled];

    /// Not met for so long, it is over.
    const fn over_after(self) -> Duration {
        match self {
            Self::Stalled => STALL_IS_TOLD_FOR,
            _ => OVER_AFTER,
        }
    }

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
            Self::Stalled => "loop_stalled",
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
            Self::Stalled => {
                "Un bucle de un worker se quedó parado y se rehízo; si vuelve a pararse, su proceso termina. Su diario dice cuál: busca «hangs». / A \
                 loop of a worker hung and was built anew; if it hangs again, its process ends. Its log says which: look for “hangs”."
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

    /// Notes that a loop hung.
    pub(crate) fn note_stall(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(Trouble::Stalled, Instant::now());
    }

    fn is_met(&self, trouble: Trouble) -> bool {
        let met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        met.get(&trouble).is_some_and(|at| at.elapsed() < trouble.over_after())
    }
}

/// Posts a notice for each trouble while it lasts, and takes it away when it is over. Another worker that still meets it posts it again.
pub(crate) async fn tell_troubles(troubles: Arc<Troubles>, db: PgPool, mut outage: Outage) {
    let started = Instant::now();
    let (mut posted, mut swept): (BTreeSet<Trouble>, BTreeSet<Trouble>) = (BTreeSet::new(), BTreeSet::new());
    loop {
        let told = bounded(async {
            for trouble in Trouble::ALL {
                if troubles.is_met(trouble) {
                    if !posted.contains(&trouble) {
                        post_notice(&db, trouble.key(), trouble.sentence()).await?;
                        posted.insert(trouble);
                    }
                } else if posted.contains(&trouble) || !swept.contains(&trouble) && started.elapsed() > trouble.over_after() {
                    // Also what a process that is gone has left.
                    clear_notice(&db, trouble.key()).await?;
                    posted.remove(&trouble);
                    swept.insert(trouble);
                }
            }
            Ok::<_, sqlx::Error>(())
        });
        match told.await {
            Ok(()) => outage.over(),
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
