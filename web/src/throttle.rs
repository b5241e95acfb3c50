//! How often somebody may try: counted in the cache Redis, so that all webs count together, and in this process while it is away.

use std::{collections::HashMap, num::NonZeroU32, sync::Arc, time::Duration};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};
use jobs::accounts::secret_key::{derive, sign};
use redis::Script;
use secrecy::SecretString;

use crate::{cache::Cache, problem::Problem, sessions::hex_of};

/// A limit: so many at once, then one each interval.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    name: &'static str,
    burst: NonZeroU32,
    interval: Duration,
}

impl Limit {
    const fn new(name: &'static str, burst: NonZeroU32, interval: Duration) -> Self {
        Self { name, burst, interval }
    }
}

/// Failed logins for one address: enough for a person who forgot, hopeless for one who guesses (1,440 a day at best).
pub(crate) const LOGINS_PER_ACCOUNT: Limit = Limit::new("login_account", TEN, Duration::from_secs(60));
/// Logins from one place: a classroom behind one address signs in within a minute.
pub(crate) const LOGINS_PER_CLIENT: Limit = Limit::new("login_client", SIXTY, Duration::from_secs(5));
/// New accounts from one place. Each costs a hash and a letter, and says whether an address is taken.
pub(crate) const REGISTRATIONS_PER_CLIENT: Limit = Limit::new("register_client", SIXTY, Duration::from_secs(10));
/// Letters about a forgotten password, to one address: nobody fills another's mailbox.
pub(crate) const RESETS_PER_ACCOUNT: Limit = Limit::new("reset_account", THREE, Duration::from_secs(600));
/// The same from one place.
pub(crate) const RESETS_PER_CLIENT: Limit = Limit::new("reset_client", TEN, Duration::from_secs(30));
/// Verification letters that one person asks for again.
pub(crate) const LETTERS_PER_PERSON: Limit = Limit::new("letter_person", THREE, Duration::from_secs(120));

/// Certificates that somebody checks: a room of recruiters may, a program that tries serials may not.
pub(crate) const CHECKS_PER_CLIENT: Limit = Limit::new("check_client", SIXTY, Duration::from_secs(2));
/// Files that somebody has compared: each is read to its end.
pub(crate) const FILES_PER_CLIENT: Limit = Limit::new("file_client", TEN, Duration::from_secs(10));

/// Calls of one API token: a program that enqueues more at a time than this does it in SQL, in its own transaction.
pub(crate) const CALLS_PER_TOKEN: Limit = Limit::new("api_token", HUNDRED, Duration::from_millis(50));

const THREE: NonZeroU32 = NonZeroU32::new(3).expect("not zero");
const TEN: NonZeroU32 = NonZeroU32::new(10).expect("not zero");
const SIXTY: NonZeroU32 = NonZeroU32::new(60).expect("not zero");
const HUNDRED: NonZeroU32 = NonZeroU32::new(100).expect("not zero");
const ALL: [Limit; 9] = [
    CHECKS_PER_CLIENT,
    FILES_PER_CLIENT,
    LOGINS_PER_ACCOUNT,
    LOGINS_PER_CLIENT,
    REGISTRATIONS_PER_CLIENT,
    RESETS_PER_ACCOUNT,
    RESETS_PER_CLIENT,
    LETTERS_PER_PERSON,
    CALLS_PER_TOKEN,
];

/// Counts tries.
#[derive(Clone)]
pub(crate) struct Throttle {
    cache: Cache,
    script: Arc<Script>,
    here: Arc<HashMap<&'static str, DefaultKeyedRateLimiter<String>>>,
    key: [u8; 32],
}

impl Throttle {
    pub(crate) fn new(cache: Cache, secret_key: &SecretString) -> Self {
        let limiter = |limit: Limit| {
            let quota = Quota::with_period(limit.interval).unwrap_or(Quota::per_minute(limit.burst)).allow_burst(limit.burst);
            (limit.name, RateLimiter::keyed(quota))
        };
        Self {
            cache,
            script: Arc::new(Script::new(include_str!("throttle/take.lua"))),
            here: Arc::new(ALL.map(limiter).into_iter().collect()),
            key: derive(secret_key, "faena/throttle/v1"),
        }
    }

    /// Counts one try.
    ///
    /// # Errors
    /// [`Problem::TooMany`] with the time to wait.
    pub(crate) async fn take(&self, limit: Limit, subject: &str) -> Result<(), Problem> {
        let subject = self.subject(limit, subject);
        let interval_ms = u64::try_from(limit.interval.as_millis()).unwrap_or(u64::MAX);
        let mut call = self.script.key(self.cache.key(&["throttle", limit.name, &subject]));
        let wait = match self.cache.run_script::<u64>(call.arg(interval_ms).arg(limit.burst.get())).await {
            Some(wait_ms) => Duration::from_millis(wait_ms),
            None => self.take_here(limit, subject),
        };
        if wait.is_zero() {
            return Ok(());
        }
        metrics::counter!("faena_web_throttled_total", "limit" => limit.name).increment(1);
        Err(Problem::TooMany(wait))
    }

    /// Forgets the tries that were counted, after one that was right. (Those counted in this process run out by themselves.)
    pub(crate) async fn forgive(&self, limit: Limit, subject: &str) {
        let key = self.cache.key(&["throttle", limit.name, &self.subject(limit, subject)]);
        self.cache.run::<()>(redis::cmd("DEL").arg(key)).await;
    }

    fn take_here(&self, limit: Limit, subject: String) -> Duration {
        let Some(limiter) = self.here.get(limit.name) else { return Duration::ZERO };
        if limiter.len() > 10_000 {
            limiter.retain_recent();
        }
        match limiter.check_key(&subject) {
            Ok(()) => Duration::ZERO,
            Err(not_until) => {
                not_until.wait_time_from(governor::clock::DefaultClock::default().now()).max(Duration::from_secs(1))
            }
        }
    }

    /// Addresses do not lie about in Redis: a subject is a keyed hash.
    fn subject(&self, limit: Limit, subject: &str) -> String {
        hex_of(&sign(&self.key, &[limit.name.as_bytes(), subject.as_bytes()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_cache_this_process_counts() {
        // Port 9 (discard) refuses: the cache is away from the start.
        let cache = Cache::new(&"redis://127.0.0.1:9".into(), "test").expect("a cache");
        let throttle = Throttle::new(cache, &"a secret of more than 32 bytes, 0123456789".into());
        for _ in 0..LOGINS_PER_ACCOUNT.burst.get() {
            assert!(throttle.take(LOGINS_PER_ACCOUNT, "ana@correo.example").await.is_ok());
        }
        let refused = throttle.take(LOGINS_PER_ACCOUNT, "ana@correo.example").await;
        assert!(matches!(refused, Err(Problem::TooMany(wait)) if wait <= LOGINS_PER_ACCOUNT.interval), "{refused:?}");
        assert!(throttle.take(LOGINS_PER_ACCOUNT, "luz@correo.example").await.is_ok());
        assert!(throttle.take(LOGINS_PER_CLIENT, "ana@correo.example").await.is_ok());
    }
}
