//! The benchmarks' catalogue of jobs: one, which does no more than its scenario asks.

use std::{ops::Deref, sync::Arc};

use queue::{Attempted, Ctx, End, Job, OrFailure, Registry};
use schedules::Schedule;
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
        Registry::new().job::<Measure>()
    }

    fn schedules() -> Vec<Schedule> {
        Vec::new()
    }

    fn open(&self, mistakes: &mut Mistakes) -> Option<Ports> {
        mistakes.note("PEERS_OUT", Notes::open()).map(Ports)
    }

    async fn reach(&self, _mistakes: &mut Mistakes) {}
}

/// Does nothing, or notes when it began, or sleeps and writes its number down.
#[derive(Debug, Serialize, Deserialize)]
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
