//! Figures that many readers want and that take time to make: made once for all of them, whatever the number of webs, and kept in the cache for a while.
//!
//! ```text
//! reader ─► look: are they kept, and do they still count? ──yes──► here they are
//!              │ no
//!              ▼
//!        one flight in this web ─► take: is anybody on it in another web? ──yes──► look again in a moment
//!                                    │ no
//!                                    ▼
//!                             ask Postgres ─► land: keep them
//! ```
//!
//! Each change of what figures are made of begins a *generation*, whose number the reader brings along. What was made in an earlier one, or is being made, is
//! not theirs: a reader who comes after a change never gets what was made before it. Whoever makes figures gives a sign of life each second; the flight of one
//! who has died is free after three. While the cache is away each web makes them for its own readers, a few at a time, and keeps them for two seconds.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use rand::random;
use redis::{Script, ScriptInvocation};
use tokio::{
    sync::{Semaphore, oneshot},
    time::{Instant, sleep, timeout},
};

use crate::{cache::Cache, problem::Problem};

/// How long a flight is somebody's who gives no sign of life.
const LEASE: Duration = Duration::from_secs(3);
/// How often they give one.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
/// How soon somebody who waits for another web looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(30);
/// How long a reader waits, and a flight for another web or for a place. Less than a request may take, so that the page can say so.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long the cache may take for a step: whoever goes on without it makes what another web makes as well.
const STEP: Duration = Duration::from_secs(1);
/// Nobody asks for longer than this: Postgres ends each question sooner, if it hears of it.
const LONGEST: Duration = Duration::from_secs(20);
/// How many figures one web makes at once: those of a page; the others of its connections are for whoever works.
const PLACES: usize = 3;
/// How long a web keeps for its own readers what it has made while the cache was away.
const KEEP_AWAY: Duration = Duration::from_secs(2);

/// What somebody wants to know.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Which figures; a word for the metrics.
    pub(crate) name: &'static str,
    /// Of what: all that tells them from others of that name.
    pub(crate) of: String,
    /// The generation of what they are made of, as it was when the reader came: it rises with each change.
    pub(crate) generation: i64,
    /// How long they are kept.
    pub(crate) keep: Duration,
}

/// Figures as they are kept, or why there are none.
type Landed = Result<Arc<str>, Arc<Problem>>;
type Flight = Shared<BoxFuture<'static, Landed>>;

/// The flights of one sort of figures. Cloning it copies a pointer.
#[derive(Clone)]
pub(crate) struct Flights(Arc<Parts>);

struct Parts {
    cache: Cache,
    /// What all keys begin with. The braces keep them on one server of a cluster.
    prefix: String,
    take: Script,
    land: Script,
    hold: Script,
    under_way: Mutex<HashMap<String, Flight>>,
    places: Semaphore,
}

impl fmt::Debug for Flights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights").field("prefix", &self.0.prefix).finish_non_exhaustive()
    }
}

/// What became of a flight.
struct Flown {
    landed: Landed,
    /// Whether it is kept nowhere.
    is_away: bool,
}

/// What a look at the cache shows.
struct Looked {
    figures: Option<String>,
    /// Whether the flight is now theirs who looked.
    is_taken: bool,
}

impl Flights {
    /// Flights of a sort.
    pub(crate) fn new(cache: Cache, sort: &str) -> Self {
        let braced = format!("{{{sort}}}");
        Self(Arc::new(Parts {
            prefix: cache.key(&[&braced]),
            // Who is in more of a hurry gives up on it sooner.
            cache: cache.apart(),
            take: Script::new(include_str!("flights/take.lua")),
            land: Script::new(include_str!("flights/land.lua")),
            hold: Script::new(include_str!("flights/hold.lua")),
            under_way: Mutex::default(),
            places: Semaphore::new(PLACES),
        }))
    }

    /// The figures: kept ones, or those that `make` gives, which is called by one of all who want them.
    ///
    /// # Errors
    /// What `make` says; [`Problem::Busy`]: it takes too long. Then it goes on, and who asks again may find it done.
    pub(crate) async fn get<M>(&self, wanted: Wanted, make: impl FnOnce() -> M) -> Landed
    where
        M: Future<Output = Result<String, Problem>> + Send + 'static,
    {
        if let Some(Looked { figures: Some(figures), .. }) = self.0.look(&wanted, "").await {
            count(&wanted, "kept");
            return Ok(figures.into());
        }
        let flight = self.join(&wanted, make);
        timeout(PATIENCE, flight).await.unwrap_or_else(|_| Err(refused(&wanted)))
    }

    /// The flight that is under way in this web for that generation, or a new one. It goes on when its readers leave.
    fn join<M>(&self, wanted: &Wanted, make: impl FnOnce() -> M) -> Flight
    where
        M: Future<Output = Result<String, Problem>> + Send + 'static,
    {
        let name = format!("{} {} {}", wanted.name, wanted.of, wanted.generation);
        let mut under_way = self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = under_way.get(&name) {
            count(wanted, "joined");
            return flight.clone();
        }
        let (parts, make, wanted) = (Arc::clone(&self.0), make(), wanted.clone());
        let end = End { parts: Arc::clone(&parts), name: name.clone() };
        let (landed, landing) = oneshot::channel();
        tokio::spawn(async move {
            let _end = end;
            let flown = parts.fly(&wanted, make).await;
            let stays = flown.is_away && flown.landed.is_ok();
            // Nobody may be left who waits for it.
            let _ = landed.send(flown.landed);
            if stays {
                sleep(KEEP_AWAY).await;
            }
        });
        let lost = || Err(Arc::new(Problem::Internal(anyhow::anyhow!("figures were lost on their way"))));
        let flight = landing.map(move |landed| landed.unwrap_or_else(|_| lost())).boxed().shared();
        under_way.insert(name, flight.clone());
        flight
    }
}

impl Parts {
    /// Makes the figures, unless somebody else does or has.
    async fn fly(&self, wanted: &Wanted, make: impl Future<Output = Result<String, Problem>>) -> Flown {
        let (began, token) = (Instant::now(), random_word());
        loop {
            let Some(Looked { figures, is_taken }) = self.look(wanted, &token).await else {
                return Flown { landed: self.made(wanted, "made_away", make).await, is_away: true };
            };
            if let Some(figures) = figures {
                count(wanted, "waited");
                return Flown { landed: Ok(figures.into()), is_away: false };
            }
            if is_taken {
                let landed = self.made_with_signs_of_life(wanted, &token, make).await;
                match &landed {
                    Ok(figures) => self.land(wanted, &token, figures).await,
                    Err(_) => self.sign_of_life(wanted, &token, Duration::ZERO).await,
                }
                return Flown { landed, is_away: false };
            }
            if began.elapsed() > PATIENCE {
                return Flown { landed: Err(refused(wanted)), is_away: false };
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    async fn made_with_signs_of_life(
        &self,
        wanted: &Wanted,
        token: &str,
        make: impl Future<Output = Result<String, Problem>>,
    ) -> Landed {
        let signs_of_life = async {
            loop {
                sleep(SIGN_OF_LIFE).await;
                self.sign_of_life(wanted, token, LEASE).await;
            }
        };
        tokio::select! {
            landed = self.made(wanted, "made", make) => landed,
            never = signs_of_life => never,
        }
    }

    /// Makes them, when there is a place.
    async fn made(&self, wanted: &Wanted, how: &'static str, make: impl Future<Output = Result<String, Problem>>) -> Landed {
        let Ok(Ok(_place)) = timeout(PATIENCE, self.places.acquire()).await else {
            return Err(refused(wanted));
        };
        let began = Instant::now();
        count(wanted, how);
        let made = timeout(LONGEST, make).await.unwrap_or(Err(Problem::TooSlow));
        metrics::histogram!("faena_web_figures_seconds", "figures" => wanted.name).record(began.elapsed().as_secs_f64());
        made.map(Arc::from).map_err(Arc::new)
    }

    /// Nothing: the cache is away.
    async fn look(&self, wanted: &Wanted, token: &str) -> Option<Looked> {
        let [figures, flight] = self.keys(wanted);
        let mut call = self.take.key(figures);
        let call = call.key(flight).arg(wanted.generation).arg(token).arg(milliseconds(LEASE));
        let (figures, is_taken) = self.cache.run_script_within(STEP, call).await?;
        Some(Looked { figures, is_taken })
    }

    async fn land(&self, wanted: &Wanted, token: &str, figures: &str) {
        let [figures_key, flight_key] = self.keys(wanted);
        let mut call = self.land.key(figures_key);
        let call = call.key(flight_key).arg(wanted.generation).arg(token).arg(figures).arg(milliseconds(wanted.keep));
        self.step(call).await;
    }

    async fn sign_of_life(&self, wanted: &Wanted, token: &str, lease: Duration) {
        let [_, flight] = self.keys(wanted);
        let mut call = self.hold.key(flight);
        self.step(call.arg(token).arg(milliseconds(lease))).await;
    }

    /// A step that others do without if the cache is away: what it should do comes of itself when time is over.
    async fn step(&self, call: &ScriptInvocation<'_>) {
        self.cache.run_script_within::<i64>(STEP, call).await;
    }

    fn keys(&self, wanted: &Wanted) -> [String; 2] {
        let named = |what: &str| format!("{}:{what}:{}:{}", self.prefix, wanted.name, wanted.of);
        [named("figures"), named("flight")]
    }
}

/// Takes a flight out of those that are under way, however it ends.
struct End {
    parts: Arc<Parts>,
    name: String,
}

impl Drop for End {
    fn drop(&mut self) {
        self.parts.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

fn refused(wanted: &Wanted) -> Arc<Problem> {
    count(wanted, "refused");
    Arc::new(Problem::Busy)
}

fn random_word() -> String {
    format!("{:016x}", random::<u64>())
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn count(wanted: &Wanted, how: &'static str) {
    metrics::counter!("faena_web_figures_total", "figures" => wanted.name, "result" => how).increment(1);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    /// Flights whose cache is away from the start: port 9 (discard) refuses.
    fn flights() -> Flights {
        Flights::new(Cache::new(&"redis://127.0.0.1:9".into(), "test").expect("a cache"), "desk")
    }

    fn wanted_in(generation: i64) -> Wanted {
        Wanted { name: "promises", of: "7".to_owned(), generation, keep: Duration::from_secs(300) }
    }

    fn wanted() -> Wanted {
        wanted_in(1)
    }

    #[tokio::test]
    async fn without_a_cache_who_comes_together_is_given_what_was_made_once() {
        let (flights, made, go) = (flights(), Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let make = || {
            let (made, go) = (Arc::clone(&made), Arc::clone(&go));
            async move {
                go.notified().await;
                Ok(format!("{}", made.fetch_add(1, Ordering::Relaxed)))
            }
        };
        let crowd: Vec<_> = (0..100).map(|_| Box::pin(flights.get(wanted(), make))).collect();
        let all = futures_util::future::join_all(crowd);
        let told = async {
            while flights.0.under_way.lock().expect("a lock").is_empty() {
                tokio::task::yield_now().await;
            }
            go.notify_one();
        };
        let (landed, ()) = tokio::join!(all, told);
        assert!(landed.iter().all(|landed| landed.as_deref().is_ok_and(|figures| figures == "0")), "{landed:?}");
        assert_eq!(made.load(Ordering::Relaxed), 1);
        let later = flights.get(wanted(), || async { Err(Problem::TooSlow) }).await;
        assert_eq!(later.as_deref().ok(), Some("0"), "it is kept for a while");
        let after = flights.get(wanted_in(2), || async { Ok("1".to_owned()) }).await;
        assert_eq!(after.as_deref().ok(), Some("1"), "but not after a change");
    }

    #[tokio::test]
    async fn who_comes_after_a_change_does_not_join_who_came_before_it() {
        let flights = flights();
        let never = flights.join(&wanted(), std::future::pending);
        let after = flights.get(wanted_in(2), || async { Ok("after".to_owned()) }).await;
        assert_eq!(after.as_deref().ok(), Some("after"));
        assert!(never.now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_flight_that_ends_badly_is_over_and_the_next_reader_tries_again() {
        let flights = flights();
        let panics = flights.get(wanted(), || async { panic!("on purpose") }).await;
        assert!(matches!(panics.as_deref(), Err(problem) if matches!(&**problem, Problem::Internal(_))));
        let slow = flights.get(wanted(), || async { Err(Problem::TooSlow) }).await;
        assert!(matches!(slow, Err(problem) if matches!(*problem, Problem::TooSlow)));
        let well = flights.get(wanted(), || async { Ok("7".to_owned()) }).await;
        assert_eq!(well.as_deref().ok(), Some("7"));
    }
}
