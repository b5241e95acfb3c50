//! Mends what a Redis brings back that has lost its last second twice.
//!
//! Each of our scripts is one step, and stands in Redis's append-only file as one transaction. A file that ends within one is cut when it is
//! loaded, but behind the last whole command and not before the transaction (Redis 7.0 with `aof-load-truncated yes`, its default; tried with
//! 7.0.15). What was begun then lies in the file without its end, swallows the next transaction, and at the *next* restart comes to life: half a
//! step, which may have taken a job out of one place without putting it into another, or buried it without telling of its end. So each new life of
//! Redis's data is looked through once, by one worker: a large backlog takes Redis seconds.

use std::{
    collections::{BTreeMap, HashSet},
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    time::Duration,
};

use redis::streams::StreamRangeReply;
use sqlx::PgPool;
use tracing::warn;
use uuid::Uuid;

use crate::{
    epoch::Epoch,
    faults::crash_point,
    lane::Lane,
    lanes::lanes,
    loops::{Outage, bounded},
    relay::RelayError,
    script::scripts,
    store::{MAX_BATCH, Store, StoreError},
};

scripts! {
    PLACELESS = "lua/placeless.lua";
    SPAN = "lua/span.lua";
    REPLACE = "lua/replace.lua";
    RECOUNT = "lua/recount.lua";
    UNBURY = "lua/unbury.lua";
}

const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Whoever looks through a lane and has not been heard of for so long leaves it to another.
const TURN: Duration = Duration::from_secs(30);

/// Of so many jobs the ids are held at a time while a lane is looked through: of more a share each is looked at, one after the other. Tombstones are held
/// besides: as many as there are ends that the recorder has still to forget.
const SHARE: u64 = 250_000;

/// Tombstones as they were found.
struct Buried {
    epoch: Epoch,
    /// Stream id of the last event by then.
    told_until: String,
    /// Id and what stands for it.
    tombstones: Vec<(String, String)>,
}

/// Looks for new lives of Redis's data, until halted.
pub(crate) async fn mend(store: Store, db: PgPool, mut outage: Outage) {
    let mut found = Found { token: Uuid::new_v4().to_string(), buried: BTreeMap::new() };
    loop {
        match found.mend_lanes(&store, &db, &outage).await {
            Ok(()) => outage.over(),
            Err(error) => outage.failed(&error),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What one worker has found and not mended yet.
struct Found {
    /// Tells its turns from other workers'.
    token: String,
    buried: BTreeMap<Lane, Buried>,
}

fn of_share(id: &str, share: u64, shares: u64) -> bool {
    shares == 1 || BuildHasherDefault::<DefaultHasher>::new().hash_one(id) % shares == share
}

impl Found {
    /// What is wrong with one lane's keys is not the others' trouble.
    async fn mend_lanes(&mut self, store: &Store, db: &PgPool, outage: &Outage) -> Result<(), RelayError> {
        let mut refused = Ok(());
        for lane in bounded(async { lanes(&mut *db.acquire().await?).await }).await? {
            match self.mend_lane(store, lane, outage).await {
                Err(error) if error.is_of_one_lane() => refused = Err(error.into()),
                mended => mended?,
            }
        }
        refused
    }

    /// A large backlog takes longer than a step may: each part of the look is one.
    async fn mend_lane(&mut self, store: &Store, lane: Lane, outage: &Outage) -> Result<(), StoreError> {
        let Some(epoch) = store.unmended(lane).await? else {
            self.buried.remove(&lane);
            return Ok(());
        };
        if !store.take_turn(lane, &self.token).await? {
            return Ok(());
        }
        if self.buried.get(&lane).is_none_or(|buried| buried.epoch != epoch) {
            let shares = store.jobs_held(lane).await? / SHARE + 1;
            let (mut replaced, mut tombstones) = (0, Vec::new());
            for share in 0..shares {
                let (placeless, buried) =
                    store.look_through(lane, &self.token, &|id| of_share(id, share, shares), outage).await?;
                replaced += store.replace(lane, placeless, outage).await?;
                tombstones.extend(buried);
            }
            if replaced > 0 {
                warn!(
                    queue = lane.as_str(),
                    replaced, "Redis had come back with jobs that stood nowhere: they are available again"
                );
            }
            crash_point("mend.replaced");
            let recounted = store.recount(lane).await?;
            if recounted > 0 {
                warn!(
                    queue = lane.as_str(),
                    recounted, "Redis had come back with limits that nobody held: they were counted anew"
                );
            }
            let told_until = store.last_event(lane).await?;
            self.buried.insert(lane, Buried { epoch: epoch.clone(), told_until, tombstones });
        }
        // What an event tells of is the recorder's. Whatever is left when those of that time are recorded had half an end.
        if let Some(removed) = store.unbury(lane, &self.buried[&lane]).await? {
            if removed > 0 {
                warn!(
                    queue = lane.as_str(),
                    removed, "Redis had come back with ends that nobody had told of: they are forgotten"
                );
            }
            crash_point("mend.forgot");
            store.mended(lane, &epoch).await?;
        }
        Ok(())
    }
}

impl Store {
    /// The epoch that holds, unless somebody has looked through what it began with.
    async fn unmended(&self, lane: Lane) -> Result<Option<Epoch>, StoreError> {
        let mut read = redis::pipe();
        read.cmd("GET").arg(self.key(lane, "epoch")).cmd("GET").arg(self.key(lane, "mended"));
        let (epoch, mended): (Option<String>, Option<String>) = self.together(&read, "reading the epoch").await?;
        Ok(epoch.filter(|epoch| mended.as_ref() != Some(epoch)).map(|epoch| Epoch::parse(&epoch)))
    }

    /// Whether it is this worker's turn to look through a lane: a key that ends by itself, kept alive by whoever has it.
    async fn take_turn(&self, lane: Lane, token: &str) -> Result<bool, StoreError> {
        let (key, doing) = (self.key(lane, "mending"), "taking a turn at mending");
        let set = redis::cmd("SET").arg(&key).arg(token).arg("NX").arg("EX").arg(TURN.as_secs()).to_owned();
        if self.query::<Option<String>>(&set, doing).await?.is_some() {
            return Ok(true);
        }
        let whose: Option<String> = self.query(redis::cmd("GET").arg(&key), doing).await?;
        let is_ours = whose.as_deref() == Some(token);
        if is_ours {
            self.query::<i64>(redis::cmd("EXPIRE").arg(&key).arg(TURN.as_secs()), doing).await?;
        }
        Ok(is_ours)
    }

    async fn mended(&self, lane: Lane, epoch: &Epoch) -> Result<(), StoreError> {
        self.query::<()>(redis::cmd("SET").arg(self.key(lane, "mended")).arg(&epoch.text), "noting what is mended").await?;
        // In this order: whoever has the next turn finds nothing to do.
        self.query::<i64>(redis::cmd("DEL").arg(self.key(lane, "mending")), "noting what is mended").await.map(drop)
    }

    /// How many jobs and tombstones a lane has.
    async fn jobs_held(&self, lane: Lane) -> Result<u64, StoreError> {
        self.query(redis::cmd("HLEN").arg(self.key(lane, "job")), "counting jobs").await
    }

    /// Of what is looked for: jobs that stand nowhere, as far as can be seen from outside while claims go on; and tombstones.
    async fn look_through(
        &self,
        lane: Lane,
        token: &str,
        is_looked_for: &(dyn Fn(&str) -> bool + Sync),
        outage: &Outage,
    ) -> Result<(Vec<String>, Vec<(String, String)>), StoreError> {
        let (mut placeless, mut tombstones, mut cursor) = (HashSet::new(), Vec::new(), 0_u64);
        loop {
            let mut call = self.call(&PLACELESS, lane);
            call.arg(cursor).arg(MAX_BATCH);
            let (next, some, buried): (u64, Vec<String>, Vec<(String, String)>) =
                self.run(&call, "looking for jobs that stand nowhere").await?;
            placeless.extend(some.into_iter().filter(|id| is_looked_for(id)));
            tombstones.extend(buried.into_iter().filter(|(id, _)| is_looked_for(id)));
            self.take_turn(lane, token).await?;
            outage.waits();
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        let mut from = 0_i64;
        while !placeless.is_empty() {
            let mut call = self.call(&SPAN, lane);
            call.arg(from).arg(2 * MAX_BATCH);
            let (next, line): (i64, Vec<String>) = self.run(&call, "looking for jobs that stand nowhere").await?;
            if line.is_empty() {
                break;
            }
            line.iter().for_each(|id| _ = placeless.remove(id));
            self.take_turn(lane, token).await?;
            outage.waits();
            from = next;
        }
        Ok((placeless.into_iter().collect(), tombstones))
    }

    async fn replace(&self, lane: Lane, placeless: Vec<String>, outage: &Outage) -> Result<u64, StoreError> {
        let mut replaced = 0;
        for id in placeless {
            let mut call = self.call(&REPLACE, lane);
            call.arg(id);
            replaced += self.run::<u64>(&call, "giving a job a place").await?;
            outage.waits();
        }
        Ok(replaced)
    }

    /// How many counts of limits were wrong.
    async fn recount(&self, lane: Lane) -> Result<u64, StoreError> {
        self.run(&self.call(&RECOUNT, lane), "counting limits anew").await
    }

    /// Stream id of the last event; `0-0`: there is none.
    async fn last_event(&self, lane: Lane) -> Result<String, StoreError> {
        let read = redis::cmd("XREVRANGE").arg(self.key(lane, "events")).arg("+").arg("-").arg("COUNT").arg(1).to_owned();
        let last: StreamRangeReply = self.query(&read, "reading events").await?;
        Ok(last.ids.into_iter().next().map_or_else(|| "0-0".to_owned(), |entry| entry.id))
    }

    /// How many tombstones were removed; `None`: there are events of their time still.
    async fn unbury(&self, lane: Lane, buried: &Buried) -> Result<Option<u64>, StoreError> {
        let mut removed = 0;
        for batch in buried.tombstones.chunks(MAX_BATCH) {
            let mut call = self.call(&UNBURY, lane);
            call.arg(&buried.told_until);
            for (id, tombstone) in batch {
                call.arg(id).arg(tombstone);
            }
            let Ok(some) = u64::try_from(self.run::<i64>(&call, "forgetting ends that nobody told of").await?) else {
                return Ok(None);
            };
            removed += some;
        }
        Ok(Some(removed))
    }
}
