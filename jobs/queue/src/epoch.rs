//! Lives of Redis's data, and what each lane is told of limits and pauses before anything is claimed in one.

use chrono::{DateTime, Utc};
use redis::aio::MultiplexedConnection;

use crate::{
    lane::Lane,
    lanes::PausedLanes,
    script::scripts,
    store::{LEASE, Store, StoreError, at, millis},
};

scripts! {
    EPOCH = "lua/epoch.lua";
    SETTINGS = "lua/settings.lua";
}

/// A life of Redis's data, as the key `epoch` holds it: "number replication-id".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Epoch {
    pub(crate) number: i64,
    pub(crate) text: String,
}

impl Epoch {
    pub(crate) fn parse(text: &str) -> Self {
        Self { number: text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0), text: text.to_owned() }
    }

    /// Whether it began on the Redis with this replication id.
    pub(crate) fn is_of(&self, replication_id: &str) -> bool {
        self.text.split(' ').nth(1) == Some(replication_id)
    }
}

/// What limits allow and what is paused, as a lane is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) version: String,
    /// Name or word, and bounds.
    pub(crate) settings: Vec<(String, String)>,
    /// `job:name`, `tenant:word`.
    pub(crate) paused: Vec<String>,
    /// The lanes of which nothing is claimed.
    pub(crate) resting: PausedLanes,
}

impl Store {
    /// The epoch that holds, and Redis's time. `None`: Redis has none.
    pub(crate) async fn epoch_and_time(&self, lane: Lane) -> Result<(Option<Epoch>, DateTime<Utc>), StoreError> {
        let mut read = redis::pipe();
        read.cmd("GET").arg(self.key(lane, "epoch")).cmd("TIME");
        let (text, (seconds, micros)): (Option<String>, (i64, i64)) = self.together(&read, "reading the epoch").await?;
        Ok((text.map(|text| Epoch::parse(&text)), at(seconds * 1000 + micros / 1000)))
    }

    /// Asks the Redis behind a connection which life of its data it serves: (its replication id, the epoch that holds there).
    pub(crate) async fn life(
        &self,
        connection: &mut MultiplexedConnection,
        lane: Lane,
    ) -> Result<(String, Option<Epoch>), StoreError> {
        let mut read = redis::pipe();
        read.cmd("INFO").arg("replication");
        read.cmd("GET").arg(self.key(lane, "epoch"));
        let (info, epoch): (String, Option<String>) =
            read.query_async(connection).await.map_err(|source| StoreError::of("reading the epoch", source))?;
        let id = info.lines().find_map(|line| line.strip_prefix("master_replid:")).unwrap_or("none").trim().to_owned();
        Ok((id, epoch.map(|text| Epoch::parse(&text))))
    }

    /// Begins epoch `number` on the Redis behind a connection, which has this replication id, unless the one before is no longer `present`.
    /// Answers the epoch that holds there.
    pub(crate) async fn begin_epoch(
        &self,
        connection: &mut MultiplexedConnection,
        lane: Lane,
        present: Option<&Epoch>,
        number: i64,
        replication_id: &str,
    ) -> Result<Epoch, StoreError> {
        let mut call = self.call(&EPOCH, lane);
        call.arg(present.map_or("", |epoch| epoch.text.as_str())).arg(format!("{number} {replication_id}")).arg(millis(LEASE));
        let holds: String = call.invoke_async(connection).await.map_err(|source| StoreError::of("beginning an epoch", source))?;
        Ok(Epoch::parse(&holds))
    }

    /// Tells a lane what limits allow and what is paused, if it was told something else last; answers whether it was.
    pub(crate) async fn tell_settings(&self, lane: Lane, told: &Told) -> Result<bool, StoreError> {
        self.run(&self.settings_call(lane, told), "telling limits and pauses").await
    }

    /// The same over a connection of the caller's own.
    pub(crate) async fn tell_settings_over(
        &self,
        connection: &mut MultiplexedConnection,
        lane: Lane,
        told: &Told,
    ) -> Result<bool, StoreError> {
        let call = self.settings_call(lane, told);
        call.invoke_async(connection).await.map_err(|source| StoreError::of("telling limits and pauses", source))
    }

    fn settings_call(&self, lane: Lane, told: &Told) -> redis::ScriptInvocation<'static> {
        let (mut call, rests) = (self.call(&SETTINGS, lane), told.resting.by(lane).is_some());
        call.arg(format!("{}{}", told.version, if rests { "!" } else { "" })).arg(told.settings.len());
        for (word, bounds) in &told.settings {
            call.arg(word).arg(bounds);
        }
        for paused in &told.paused {
            call.arg(paused);
        }
        if rests {
            call.arg("!lane");
        }
        call
    }
}
