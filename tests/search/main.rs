//! How long a search takes where many tickets are. A benchmark: it fails where a search fails or finds nothing that it should, and at no figure.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use clap::Parser;
use faena_tests::stores::Stores;
use jobs::{
    accounts::locale::Locale,
    help_desk::{
        actor::Actor,
        search::{
            find::{Part, find},
            query::Query,
        },
    },
};
use rand::{SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use sqlx::{Executor as _, PgPool};

/// Fills a help desk with tickets in Spanish, and what was said under them, and searches it, each time for something that was not asked before.
#[derive(Debug, Parser)]
struct Settings {
    /// How many tickets, over 24 months.
    #[arg(long, default_value_t = 300_000)]
    tickets: i64,
    /// How many clients.
    #[arg(long, default_value_t = 200)]
    clients: i32,
    /// How many searches of each kind.
    #[arg(long, default_value_t = 40)]
    searches: usize,
    /// What chance begins with.
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

/// Tickets that are written by one statement.
const BATCH: i64 = 25_000;
/// As a page asks.
const PART: Part = Part { offset: 0, limit: 20 };

/// What people ask for. What is chosen between bars makes each search another one.
const KINDS: [(&str, bool, &[&str]); 12] = [
    (
        "common words",
        true,
        &[
            "correo",
            "impresora",
            "contraseña",
            "reiniciamos equipo",
            "problema energía",
            "vpn",
            "usuario nuevo cuenta",
            "pantalla error",
        ],
    ),
    ("rare words", true, &["zafiro", "Muñetón", "Yepes firmador", "Quiñones báscula", "EQ-{number}", "Peñaranda módem Cúcuta"]),
    (
        "other forms, no accents",
        true,
        &["impresiones", "camaras", "actualizaciones pendientes", "facturas electronicas", "accesos directos", "sincronizar"],
    ),
    (
        "typos",
        true,
        &["imprsora", "cortafuegs", "contrasñea", "recepsion", "inventaro", "planificadro", "Echeveri", "videoconferncia"],
    ),
    (
        "typos in what was said",
        true,
        &["reinciamos", "controlaodr", "infraestrcutura", "sincronziación", "aprobcaión", "escaldao"],
    ),
    ("beginnings", true, &["impr", "contab", "nomi", "factur", "serv", "escri", "actual", "inventa"]),
    (
        "phrases",
        true,
        &[
            "\"no se encontró la ruta\"",
            "\"corte de energía\"",
            "\"cierre de mes\"",
            "\"carpeta compartida\"",
            "\"escritorio remoto\"",
        ],
    ),
    (
        "what was said alone",
        true,
        &[
            "controlador de video",
            "sectores dañados",
            "cotizar reemplazo",
            "archivaron mensajes",
            "\"intentos fallidos\"",
            "regla temporal",
        ],
    ),
    (
        "clients and their people by name",
        true,
        &["Cliente 7", "Persona 31", "impresora Cliente 120", "Cliente 3", "correo Persona 15"],
    ),
    ("nothing like it", true, &["xilófono", "murciélago violeta", "\"frase que nadie dijo\"", "qwertyuiop"]),
    ("of one client, common words", false, &["correo", "impresora", "contraseña", "vpn", "portátil red", "factur"]),
    ("of one client, typos and rare words", false, &["imprsora", "zafiro", "Muñetón", "cortafuegs", "EQ-{number}"]),
];

/// What is said beside them, so that no search is asked twice.
const BESIDE: [&str; 24] = [
    "",
    "mañana",
    "gerencia",
    "bodega",
    "Medellín",
    "Bogotá",
    "urgente",
    "cable",
    "captura",
    "Windows",
    "memoria",
    "luz",
    "mediodía",
    "dirección",
    "proveedor",
    "documento",
    "lunes",
    "disco",
    "hora",
    "lista",
    "celular",
    "garantía",
    "gracias",
    "llamarme",
];

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the figures are the point")]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    ensure!(settings.tickets > 0 && settings.clients > 0 && settings.searches > 0, "all numbers must be 1 at least");
    let stores = Stores::fresh().await;
    let told = tell(&settings, &stores.db).await;
    stores.remove().await?;
    println!("{}", told?);
    Ok(())
}

async fn tell(settings: &Settings, db: &PgPool) -> anyhow::Result<String> {
    let began = Instant::now();
    fill(settings, db).await.context("filling the help desk")?;
    eprintln!("{} tickets in {:.0} s", settings.tickets, began.elapsed().as_secs_f64());
    let (agent, contacts) = people(db).await?;
    let mut chance = StdRng::seed_from_u64(settings.seed);
    let mut lines = vec![
        "| searched for | searches | ms, median | ms, 95 % | ms, the worst | found, median |".to_owned(),
        "| --- | ---: | ---: | ---: | ---: | ---: |".to_owned(),
    ];
    let mut all = Vec::new();
    for (kind, is_by_agent, texts) in KINDS {
        let (mut times, mut founds) = (Vec::new(), Vec::new());
        for turn in 0..settings.searches {
            let text = asked(texts[turn % texts.len()], turn / texts.len(), turn as i64 * 7_001 % settings.tickets + 1);
            let actor = if is_by_agent { agent } else { *contacts.choose(&mut chance).context("nobody is there")? };
            let query = Query::parse(&text).with_context(|| text.clone())?;
            let began = Instant::now();
            let found = find(db, &actor, &query, Locale::Es, PART).await.with_context(|| format!("{kind}: {text}"))?;
            times.push(began.elapsed().as_secs_f64() * 1000.0);
            founds.push(found.tickets_total as f64);
        }
        // Searches that find nothing are fast and tell nothing. One of several rare words may.
        let hits = founds.iter().filter(|found| **found > 0.0).count();
        ensure!(
            2 * hits >= founds.len() || !is_by_agent || kind.starts_with("nothing") || settings.tickets < 300_000,
            "{kind}: {hits} of {} searches find anything",
            founds.len()
        );
        lines.push(line(kind, &mut times, &mut founds));
        all.extend(times);
    }
    lines.push(line("all", &mut all, &mut []));
    Ok(lines.join("\n"))
}

/// The text of a turn: its words, and in later rounds one more beside them.
fn asked(text: &str, round: usize, number: i64) -> String {
    let serial = format!("{:06}", number * 7_919 % 1_000_000);
    let text = text.replace("{number}", &serial);
    // The last word is a beginning only while it is the last.
    format!("{} {text}", BESIDE[round % BESIDE.len()]).trim().to_owned()
}

fn line(kind: &str, times: &mut [f64], founds: &mut [f64]) -> String {
    let at = |figures: &mut [f64], part: f64| {
        figures.sort_by(f64::total_cmp);
        figures.get((figures.len().saturating_sub(1) as f64 * part).round() as usize).copied()
    };
    let found = at(founds, 0.5).map_or(String::new(), |found| format!("{found:.0}"));
    let ms = [0.5, 0.95, 1.0].map(|part| at(times, part).unwrap_or_default());
    format!("| {kind} | {} | {:.1} | {:.1} | {:.1} | {found} |", times.len(), ms[0], ms[1], ms[2])
}

async fn fill(settings: &Settings, db: &PgPool) -> sqlx::Result<()> {
    sqlx::raw_sql(
        "select desk.make_partitions(1, (now() - interval '25 months')::date);
         insert into core.users (email, full_name, role, password_hash) values ('inigo@mesa.example', 'Íñigo Zúñiga', 'agent', '-');
         insert into desk.calendars (name, time_zone, is_always_open) values ('Siempre', 'UTC', true)",
    )
    .execute(db)
    .await?;
    sqlx::query(
        "with client as (
             insert into desk.clients (name, calendar_id) select 'Cliente ' || n, (select id from desk.calendars) from generate_series(1, $1) n returning id
         ), person as (
             insert into core.users (email, full_name, role, password_hash)
             select 'persona' || id || '@cliente.example', 'Persona ' || id, 'client', '-' from client returning id, email
         )
         insert into desk.contacts (user_id, client_id) select p.id, c.id from client c join person p on p.email = 'persona' || c.id || '@cliente.example'",
    )
    .bind(settings.clients)
    .execute(db)
    .await?;
    let indexes = without_indexes(db).await?;
    for begin in (0..settings.tickets).step_by(BATCH as usize) {
        let last: i64 = sqlx::query_scalar("select coalesce(max(id), 0) from desk.tickets").fetch_one(db).await?;
        sqlx::query(include_str!("tickets.sql"))
            .bind(begin)
            .bind(BATCH.min(settings.tickets - begin))
            .bind(settings.tickets)
            .execute(db)
            .await?;
        sqlx::query(include_str!("comments.sql")).bind(last).execute(db).await?;
    }
    sqlx::query(
        "insert into desk.kb_articles (locale, slug, title, body, audience, state, author_id, editor_id, created_at, updated_at, published_at)
         select case when n % 5 = 0 then 'en' else 'es' end, 'articulo-' || n, t.title, t.description, case when n % 4 = 0 then 'desk' else 'clients' end, 'published',
             u.id, u.id, now(), now(), now()
         from (select row_number() over (order by id) as n, title, description from desk.tickets where id % 500 = 0 limit 600) t, core.users u where u.role = 'agent'",
    )
    .execute(db)
    .await?;
    for index in indexes {
        db.execute(sqlx::AssertSqlSafe(index)).await?;
    }
    sqlx::raw_sql("vacuum analyze").execute(db).await.map(drop)
}

/// Takes away the indexes of what tickets say, and returns how each is made: at once that takes a quarter of the time.
async fn without_indexes(db: &PgPool) -> sqlx::Result<Vec<String>> {
    let indexes: Vec<(String, String)> = sqlx::query_as(
        "select i.indexrelid::regclass::text, replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') from pg_index i
         join pg_class c on c.oid = i.indexrelid join pg_am a on a.oid = c.relam where i.indrelid = 'desk.tickets'::regclass and a.amname = 'gin'",
    )
    .fetch_all(db)
    .await?;
    for (name, _) in &indexes {
        db.execute(sqlx::AssertSqlSafe(format!("drop index {name}"))).await?;
    }
    Ok(indexes.into_iter().map(|(_, made)| made).collect())
}

/// An agent, and somebody of each client.
async fn people(db: &PgPool) -> anyhow::Result<(Actor, Vec<Actor>)> {
    let ids =
        sqlx::query_scalar("select id from core.users where role in ('agent', 'client') order by role, id").fetch_all(db).await?;
    let mut actors = Vec::new();
    for id in ids {
        actors.push(Actor::find(db, id).await?);
    }
    let agent = actors.remove(0);
    Ok((agent, actors))
}
