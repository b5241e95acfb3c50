//! The benchmarks' catalogue of jobs: one, which does no more than its scenario asks.

use std::{borrow::Cow, ops::Deref, sync::Arc, time::Duration};

use queue::{Attempted, Ctx, End, Job, Limit, OrFailure, Registry, Store};
use schedules::Schedule;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use worker::{Mistakes, Outside};

use crate::notes::{Notes, Payload};

/// What [`Measure`] writes its notes in.
#[derive(Debug)]
pub(crate) struct Ports(Arc<Notes>);

impl Deref for Ports {
    type Target = Notes;

    fn deref(&self) -> &Notes {
        &self.0
    }
}

/// Nothing lies outside but the runner's files.
#[derive(Debug, clap::Args)]
pub(crate) struct World;

impl Outside for World {
    type Ports = Ports;

    fn catalogue() -> Registry<Ports> {
        Registry::new().job::<Measure>().job::<Limited>().job::<Keyed>().job::<Tight>().job::<Paced>()
    }

    fn schedules() -> Vec<Schedule> {
        Vec::new()
    }

    fn open(&self, _live: Option<&Store>, mistakes: &mut Mistakes) -> Option<Ports> {
        mistakes.note("PEERS_OUT", Notes::open()).map(Ports)
    }

    async fn reach(&self, _mistakes: &mut Mistakes) {}
}

/// Does nothing, or notes when it began, or sleeps and writes its number down.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Measure(pub(crate) Payload);

impl Job for Measure {
    type Ports = Ports;
    const NAME: &'static str = "measure";

    async fn run(self, ctx: &Ctx<Ports>) -> Attempted {
        ctx.work(self.0.id, self.0.t).await.context("writing the job's number down")?;
        ctx.finished(1);
        Ok(End::Done)
    }
}

/// The same under a control, to measure what the control costs.
macro_rules! controlled {
    ($($(#[$what:meta])* $kind:ident = $name:literal, $limit:expr;)*) => { $(
        $(#[$what])*
        #[derive(Debug, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub(crate) struct $kind(pub(crate) Payload);

        impl Job for $kind {
            type Ports = Ports;
            const NAME: &'static str = $name;
            const LIMITS: &'static [Limit] = &[$limit];

            async fn run(self, ctx: &Ctx<Ports>) -> Attempted {
                Measure(self.0).run(ctx).await
            }
        }
    )* };
}

controlled! {
    /// A limit that is never reached.
    Limited = "measure_limited", Limit::at_once("room", 100_000);
    /// A limit of its own for each job.
    Keyed = "measure_keyed", Limit::at_once("keyed", 1).by("id");
    /// A limit that all wait for.
    Tight = "measure_tight", Limit::at_once("tight", 50);
    /// A rate that is never reached.
    Paced = "measure_paced", Limit::rate("paced", 1_000_000, Duration::from_secs(1)).with_burst(1_000_000);
}

/// Written here because the peers, who compile the rest of it too, have no schemas.
impl JsonSchema for Payload {
    fn schema_name() -> Cow<'static, str> {
        "Payload".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (number, text) = (generator.subschema_for::<u64>(), generator.subschema_for::<String>());
        json_schema!({
            "type": "object",
            "properties": { "id": number, "t": number, "pad": text },
            "required": ["id", "t", "pad"],
        })
    }
}
