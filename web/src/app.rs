//! What every handler shares.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::available_parallelism,
    time::Duration,
};

use anyhow::Context as _;
use jobs::{
    accounts::{password::Passwords, password_reset::PasswordReset, verification::Verification},
    connections,
    mail::unsubscribe::Unsubscribe,
};
use metrics_exporter_prometheus::PrometheusHandle;
use queue::{Operations, Store};
use secrecy::ExposeSecret as _;
use sqlx::{PgPool, postgres::PgPoolOptions};

use crate::{
    assets::Assets, cache::Cache, csrf::Csrf, downloads::Files, flights::Flights, settings::Settings, texts::Texts,
    throttle::Throttle, webhooks::certificates::Certificates,
};

/// The application. Cloning it copies a pointer.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

/// What it is made of.
pub(crate) struct Parts {
    pub(crate) settings: Settings,
    pub(crate) db: PgPool,
    /// What operators look at and do.
    pub(crate) operations: Operations,
    /// The schedules, for operators.
    pub(crate) schedules: schedules::Operations,
    /// The queues.
    pub(crate) store: Store,
    pub(crate) cache: Cache,
    pub(crate) passwords: Passwords,
    pub(crate) throttle: Throttle,
    pub(crate) csrf: Csrf,
    pub(crate) verification: Verification,
    pub(crate) password_reset: PasswordReset,
    pub(crate) unsubscribe: Unsubscribe,
    /// The figures of the help desk's dashboard.
    pub(crate) desk_figures: Flights,
    /// What is in the store of files.
    pub(crate) files: Files,
    /// Those that PayPal signs with.
    pub(crate) certificates: Certificates,
    pub(crate) texts: Texts,
    pub(crate) assets: Assets,
    pub(crate) metrics: PrometheusHandle,
    draining: AtomicBool,
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Puts it together. Nothing is connected before it is used, so that the web starts while a server is still away.
    ///
    /// # Errors
    /// The embedded texts or assets are damaged, or a URL is none.
    pub(crate) fn new(settings: Settings, metrics: PrometheusHandle) -> anyhow::Result<Self> {
        let pool = PgPoolOptions::new().max_connections(settings.database_connections).acquire_timeout(Duration::from_secs(3));
        let db = connections::pool(pool, settings.database.clone());
        let cache = Cache::new(&settings.cache_redis_url, &settings.namespace).context("opening the cache")?;
        let store = Store::new(settings.redis_url.expose_secret(), &settings.namespace).context("opening the queues' Redis")?;
        Ok(Self(Arc::new(Parts {
            operations: Operations::new(store.clone(), db.clone()),
            schedules: schedules::Operations::new(db.clone(), Arc::new(jobs::catalogue())),
            store,
            db,
            throttle: Throttle::new(cache.clone(), &settings.secret_key),
            desk_figures: Flights::new(cache.clone(), "desk"),
            cache,
            passwords: Passwords::new(available_parallelism().map_or(2, usize::from)),
            csrf: Csrf::new(&settings.secret_key),
            verification: Verification::new(&settings.secret_key),
            password_reset: PasswordReset::new(&settings.secret_key),
            unsubscribe: Unsubscribe::new(&settings.secret_key),
            files: Files::new(settings.store_endpoint.clone()).context("making a client of the store of files")?,
            certificates: Certificates::default(),
            texts: Texts::load().context("loading the texts")?,
            assets: Assets::load().context("loading the assets")?,
            metrics,
            draining: AtomicBool::new(false),
            settings,
        })))
    }

    /// From now on /ready says no.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// The cookie of a session. Over https its name forbids that another host of the domain sets it.
    pub(crate) fn session_cookie_name(&self) -> &'static str {
        if self.settings.is_https() { "__Host-session" } else { "session" }
    }

    /// The cookie that forms are bound to before anybody is signed in.
    pub(crate) fn form_cookie_name(&self) -> &'static str {
        if self.settings.is_https() { "__Host-form" } else { "form" }
    }
}
