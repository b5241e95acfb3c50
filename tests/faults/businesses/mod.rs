//! The school and the help desk at work while faults strike: courses are bought, paid, given back and completed, and deadlines pass. What people and
//! providers have done is known here; what must have come of it, [`judge`] asks.

pub(crate) mod judge;

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex as StdMutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, ensure};
use chrono::{TimeDelta, Utc};
use faena_tests::{
    http::http_client,
    process::Process,
    sales::{self, PLANS},
    sandbox::Sandbox,
    servers::free_port,
    site,
    slack::Slack,
    stores::Stores,
};
use futures_util::future::join_all;
use jobs::{
    accounts::{locale::Locale, user::UserId},
    catalogue,
    courses::{
        course::CourseId,
        progress::{Marked, complete_section},
        section::SectionId,
    },
    help_desk::{
        actor::Actor,
        comment::{Audience, comment},
        monitor_sla::MonitorSla,
        number::{ClientId, TicketId},
        open::NewTicket,
        text::{Body, Title},
        words::{Category, Priority},
    },
    payments::{
        purchase::{Bought, buy},
        sale::{Provider, SaleId},
    },
};
use nix::sys::signal::Signal;
use queue::Operations;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom as _};
use sqlx::PgPool;
use tokio::sync::Mutex;

/// Something happens so often.
const PACE: Duration = Duration::from_millis(90);
/// So many sales may be under way before nobody buys for a while.
const MOST_SALES: usize = 40;
/// After a play, everything that was begun at the providers' is brought to its end within this.
const LONGEST_END: Duration = Duration::from_secs(120);
/// Minutes after its opening at which something is told about a ticket that nobody answers (open.sql).
const MARKS: [i64; 5] = [30, 60, 90, 120, 180];

/// A sale, and how far people and providers have come with it.
#[derive(Debug, Clone)]
struct Sold {
    buyer: UserId,
    sale: SaleId,
    provider: Provider,
    plan: &'static str,
    happened: bool,
    /// Whether the buyer has studied the course, where they will.
    studied: bool,
}

/// What is known of what was done.
#[derive(Debug, Default)]
struct Deeds {
    people: u64,
    sold: Vec<Sold>,
    /// Messages that the web has taken.
    told: BTreeSet<String>,
    tickets: Vec<TicketId>,
}

/// Both of them.
pub(crate) struct Businesses {
    pub(crate) sandbox: Sandbox,
    pub(crate) slack: Slack,
    db: PgPool,
    schedules: schedules::Operations,
    url: String,
    /// What web and workers are told.
    pub(crate) settings: Vec<(String, String)>,
    web: Mutex<Process>,
    /// What webs wrote that have ended.
    web_logs: StdMutex<Vec<String>>,
    client: reqwest::Client,
    course: CourseId,
    section: SectionId,
    agent: Actor,
    customer: (Actor, ClientId),
    deeds: StdMutex<Deeds>,
}

impl Businesses {
    /// Opens them on empty stores. `db` gives up soon; web and workers reach the stores by these URLs.
    pub(crate) async fn open(stores: &Stores, db: PgPool, database_url: &str, redis_url: &str) -> anyhow::Result<Self> {
        let (sandbox, slack) = (Sandbox::start().await?, Slack::start().await);
        // Who works with tickets by SQL enqueues by name.
        catalogue().publication().write(&mut *stores.db.acquire().await?, "faults").await?;
        let course = sales::open_school(&stores.db).await?;
        let section = sqlx::query_scalar("select id from school.sections where course_id = $1").bind(course);
        let section = section.fetch_one(&stores.db).await?;
        sqlx::raw_sql(include_str!("open.sql")).execute(&stores.db).await?;
        let person = async |email: &str| -> anyhow::Result<Actor> {
            let id = sqlx::query_scalar("select id from core.users where email = $1").bind(email).fetch_one(&stores.db).await?;
            Ok(Actor::find(&stores.db, id).await?)
        };
        let (agent, customer) = (person("inigo@mesa.example").await?, person("oscar@cafes.example").await?);
        let client = customer.client().context("Óscar is a client's")?;
        // No message comes by itself: they are brought here, as often as it takes.
        sandbox.send_stripe_events_to(None, 1).await?;
        sandbox.send_paypal_events_to(None, 1).await?;
        let addr = format!("127.0.0.1:{}", free_port());
        let url = format!("http://{addr}");
        let mut settings = site::settings(stores, &sandbox, &url);
        let own = [
            ("WEB_ADDR", addr.as_str()),
            ("DATABASE_URL", database_url),
            ("REDIS_URL", redis_url),
            ("SLACK_WEBHOOKS", &format!("desk={}/services/desk", slack.origin)),
            ("SLACK_ORIGINS", &slack.origin),
        ];
        settings.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let web = Mutex::new(Process::spawn("web", &["serve"], &settings));
        let client_of_web = http_client();
        Ok(Self {
            sandbox,
            slack,
            schedules: schedules::Operations::new(db.clone(), Arc::new(catalogue())),
            db,
            url,
            settings,
            web,
            web_logs: StdMutex::default(),
            client: client_of_web,
            course,
            section,
            agent,
            customer: (customer, client),
            deeds: StdMutex::default(),
        })
    }

    fn deeds(&self) -> std::sync::MutexGuard<'_, Deeds> {
        self.deeds.lock().expect("the deeds' lock")
    }

    /// How much has been handed over: sales, messages and tickets.
    pub(crate) fn handed_over(&self) -> usize {
        let deeds = self.deeds();
        deeds.sold.len() + deeds.told.len() + deeds.tickets.len()
    }

    /// Tickets whose opening was acknowledged.
    pub(crate) fn tickets(&self) -> Vec<TicketId> {
        self.deeds().tickets.clone()
    }

    /// Messages that the web has taken.
    pub(crate) fn told(&self) -> Vec<String> {
        self.deeds().told.iter().cloned().collect()
    }

    /// Those who have completed the course.
    pub(crate) fn graduates(&self) -> Vec<UserId> {
        self.deeds().sold.iter().filter(|sold| sold.plan == "paid" && sold.studied).map(|sold| sold.buyer).collect()
    }

    /// Trades until told to rest.
    pub(crate) async fn trade(&self, seed: u64, resting: &AtomicBool) {
        while self.let_schedules_tick(true).await.is_err() && !resting.load(Ordering::Relaxed) {
            tokio::time::sleep(PACE).await;
        }
        let people = async {
            let mut rng = StdRng::seed_from_u64(seed);
            while !resting.load(Ordering::Relaxed) {
                // What fails, fails because a store is away: somebody else comes later.
                let _ = self.act(&mut rng).await;
                tokio::time::sleep(PACE).await;
            }
        };
        let providers = async {
            while !resting.load(Ordering::Relaxed) {
                let _ = self.pursue().await;
                tokio::time::sleep(PACE).await;
            }
        };
        tokio::join!(people, providers);
    }

    async fn act(&self, rng: &mut StdRng) -> anyhow::Result<()> {
        match rng.random_range(0..100) {
            0..30 => self.sell(rng).await,
            30..60 => self.open_ticket(rng).await,
            60..75 => self.answer_ticket(rng).await,
            75..98 => self.look_after_deadlines().await,
            _ => {
                self.web.lock().await.signal(Signal::SIGKILL);
                Ok(())
            }
        }
    }

    /// As its supervisor would: a web that has ended is started again.
    async fn supervise_web(&self) {
        let mut web = self.web.lock().await;
        if web.has_ended() {
            self.web_logs.lock().expect("the logs' lock").push(log_of(&web));
            *web = Process::spawn("web", &["serve"], &self.settings);
        }
    }

    /// Every line that any web wrote.
    pub(crate) async fn web_logs(&self) -> String {
        let mut all = self.web_logs.lock().expect("the logs' lock").clone();
        all.push(log_of(&*self.web.lock().await));
        all.join("\n")
    }

    /// Somebody new presses "buy", again and again if they have to.
    async fn sell(&self, rng: &mut StdRng) -> anyhow::Result<()> {
        if self.deeds().sold.iter().filter(|sold| !sold.happened).count() > MOST_SALES {
            return Ok(());
        }
        let provider = if rng.random() { Provider::Stripe } else { Provider::Paypal };
        // Many pay and stay: whoever does studies the course.
        let plan = if rng.random_ratio(1, 4) { &"paid" } else { PLANS.choose(rng).context("a plan")? };
        let number = {
            let mut deeds = self.deeds();
            deeds.people += 1;
            deeds.people
        };
        let buyer: UserId = sqlx::query_scalar(
            "insert into core.users (email, full_name, role, password_hash, email_verified_at) values ($1, $2, 'learner', '-', now()) returning id",
        )
        .bind(format!("p{number}@correo.example"))
        .bind(format!("Ñandú Núm. {number}"))
        .fetch_one(&self.db)
        .await?;
        let sale = loop {
            match buy(&self.db, buyer, self.course, provider, Locale::Es).await {
                Ok(Bought::Checkout(sale)) => break sale,
                Ok(other) => anyhow::bail!("bought a course, and got {other:?}"),
                Err(_) => tokio::time::sleep(PACE).await,
            }
        };
        while sales::plan(&self.db, sale, provider, plan).await.is_err() {
            tokio::time::sleep(PACE).await;
        }
        self.deeds().sold.push(Sold { buyer, sale, provider, plan, happened: false, studied: false });
        Ok(())
    }

    /// A ticket that something is to be told about, just now or in some seconds.
    async fn open_ticket(&self, rng: &mut StdRng) -> anyhow::Result<()> {
        let mark = *MARKS.choose(rng).context("a mark")?;
        let at = Utc::now() - TimeDelta::minutes(mark) + TimeDelta::seconds(rng.random_range(0..12));
        let (customer, client) = &self.customer;
        let ticket = NewTicket {
            client: *client,
            title: Title::parse("El correo no sale").map_err(|why| anyhow::anyhow!("{why:?}"))?,
            description: Body::parse("Desde esta mañana.").map_err(|why| anyhow::anyhow!("{why:?}"))?,
            category: Category::Network,
            tags: Vec::new(),
            priority: Priority::Normal,
        };
        let mut tx = self.db.begin().await?;
        let id = ticket.open(&mut tx, at, customer).await?;
        tx.commit().await?;
        self.deeds().tickets.push(id);
        Ok(())
    }

    async fn answer_ticket(&self, rng: &mut StdRng) -> anyhow::Result<()> {
        let Some(ticket) = self.deeds().tickets.choose(rng).copied() else { return Ok(()) };
        let body = Body::parse("Lo estamos mirando.").map_err(|why| anyhow::anyhow!("{why:?}"))?;
        let mut tx = self.db.begin().await?;
        comment(&mut tx, Utc::now(), &self.agent, ticket, &body, Audience::Everybody).await?;
        Ok(tx.commit().await?)
    }

    /// As the schedule does, more often than every five minutes.
    async fn look_after_deadlines(&self) -> anyhow::Result<()> {
        let mut tx = self.db.begin().await?;
        queue::enqueue(&mut tx, MonitorSla {}).await?;
        Ok(tx.commit().await?)
    }

    /// Brings what has been begun a step further: what is planned happens, providers tell of it, and who has paid studies. Answers how much is left.
    async fn pursue(&self) -> anyhow::Result<usize> {
        self.supervise_web().await;
        let open: Vec<Sold> = self.deeds().sold.iter().filter(|sold| !sold.happened).cloned().collect();
        for sold in &open {
            let page: Option<String> = sqlx::query_scalar("select checkout_ref from school.sales where id = $1")
                .bind(sold.sale)
                .fetch_one(&self.db)
                .await?;
            if let Some(page) = page {
                sales::happen(&self.sandbox, sold.provider, sold.plan, &page).await?;
                self.change(sold.sale, |sold| sold.happened = true);
            }
        }
        let (messages, told) = (sales::messages(&self.sandbox).await?, self.deeds().told.clone());
        let untold: Vec<_> =
            messages.into_iter().filter_map(|(provider, body)| Some((provider, name_of(&body)?, body))).collect();
        let untold: Vec<_> = untold.into_iter().filter(|(_, name, _)| !told.contains(name)).collect();
        // Each comes twice at once.
        join_all(untold.iter().flat_map(|message| [message, message]).map(|(provider, name, body)| async move {
            if self.tell(*provider, body).await.is_ok() {
                self.deeds().told.insert(name.clone());
            }
        }))
        .await;
        let students: Vec<Sold> = self.deeds().sold.iter().filter(|sold| sold.plan == "paid" && !sold.studied).cloned().collect();
        for student in &students {
            let marked = complete_section(&self.db, student.buyer, self.course, self.section).await?;
            if marked != Marked::NotOpen {
                self.change(student.sale, |sold| sold.studied = true);
            }
        }
        Ok(open.len() + untold.len() + students.len())
    }

    fn change(&self, sale: SaleId, change: impl Fn(&mut Sold)) {
        self.deeds().sold.iter_mut().filter(|sold| sold.sale == sale).for_each(change);
    }

    async fn tell(&self, provider: Provider, body: &str) -> anyhow::Result<()> {
        let (path, headers) = sales::signed(&self.sandbox, provider, body.as_bytes());
        let request = self.client.post(format!("{}{path}", self.url)).body(body.to_owned()).timeout(Duration::from_secs(10));
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let status = request.send().await?.status();
        ensure!(status == 200, "{status}");
        Ok(())
    }

    /// At rest nothing new comes of a clock: what is judged must stand still.
    async fn let_schedules_tick(&self, tick: bool) -> anyhow::Result<()> {
        for schedule in self.schedules.list(None, 500).await?.schedules {
            if tick {
                self.schedules.resume(&schedule.name).await?;
            } else {
                self.schedules.pause(&schedule.name, "faults").await?;
            }
        }
        Ok(())
    }

    /// Brings everything that was begun to its end, with every server up, and looks after deadlines for the last time. Answers what could not be.
    pub(crate) async fn finish(&self, operations: &Operations) -> Option<String> {
        let ended = tokio::time::timeout(LONGEST_END, async {
            while self.let_schedules_tick(false).await.is_err() {
                tokio::time::sleep(PACE).await;
            }
            while !matches!(self.pursue().await, Ok(0)) {
                hurry(operations, &self.db).await;
                tokio::time::sleep(5 * PACE).await;
            }
            while self.look_after_deadlines().await.is_err() {
                tokio::time::sleep(PACE).await;
            }
        });
        if ended.await.is_ok() {
            return None;
        }
        let deeds = self.deeds();
        let (unpaid, unstudied): (Vec<_>, Vec<_>) =
            deeds.sold.iter().filter(|sold| !sold.studied).partition(|sold| !sold.happened);
        let unstudied: Vec<_> = unstudied.into_iter().filter(|sold| sold.plan == "paid").collect();
        Some(format!("without a page: {unpaid:?}; not open: {unstudied:?}; {} messages told", deeds.told.len()))
    }
}

/// An operator would wait for what is to be tried again in some minutes. A harness has it tried now.
pub(crate) async fn hurry(operations: &Operations, db: &PgPool) {
    let promised: Vec<(queue::JobId,)> = sqlx::query_as("select id from faena.outbox").fetch_all(db).await.unwrap_or_default();
    for (id,) in promised {
        if let Ok(Some(detail)) = operations.job(id).await
            && detail.summary.state == queue::operations::State::Retryable
        {
            let _ = operations.retry(id, "faults").await;
        }
    }
}

fn log_of(web: &Process) -> String {
    format!("== web (pid {})\n{}", web.pid(), web.log_text())
}

/// The provider's name for a message.
fn name_of(body: &str) -> Option<String> {
    let message: serde_json::Value = serde_json::from_str(body).ok()?;
    message["id"].as_str().map(str::to_owned)
}
