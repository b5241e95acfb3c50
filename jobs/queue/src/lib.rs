//! Faena's engine: how work is promised, claimed, attempted, ended and remembered. It knows no business.
//!
//! The way of a job, and the file that knows each step:
//!
//! ```text
//! enqueue ─► outbox ─► relay ─► Redis ─► live::fetch ─► backend (apalis) ─► perform ─► ack ─► recorder ─► ledger
//!                        ▲                    live::renew, promote, rescue
//!                        └── reconcile
//! ```
//!
//! Every change of a live job is one script in `lua/`, called from `store` and `pusher`; nothing else writes to Redis but `heartbeat`, and
//! `adoption`, which empties a stock queue.

mod ack;
pub mod adoption;
mod alone;
mod attempt;
#[cfg(doctest)]
mod attempt_refusals;
mod backend;
mod backoff;
mod batch;
mod child;
mod clock;
mod commands;
mod connection;
mod context;
mod edit;
mod ends;
mod engine;
mod enqueue;
mod envelope;
mod epoch;
mod event;
mod expiry;
mod faults;
mod health;
mod heartbeat;
mod inflight;
mod job;
mod journal;
pub mod kit;
mod lane;
mod lanes;
mod limit;
mod limits;
mod listing;
mod live;
mod loops;
mod mend;
mod notices;
pub mod operations;
mod order;
mod peers;
mod perform;
mod progress;
mod publish;
mod pusher;
mod recall;
mod reconcile;
mod recorder;
mod registry;
mod relay;
mod retention;
mod schema;
mod script;
mod secret;
mod stock;
mod store;
mod terms;
mod trouble;
mod unique;
mod view;

pub use alone::{Alone, attempt_alone};
pub use attempt::{Again, Attempted, End, Failure, OrFailure};
pub use backoff::Backoff;
pub use batch::{Batch, BatchId, BatchOverview};
pub use child::Child;
pub use context::{Ctx, Effect, Step};
pub use edit::Edit;
pub use engine::{Engine, UncleanEnd};
pub use enqueue::{EnqueueError, Enqueued, enqueue, push, push_all};
pub use envelope::{Delivery, Durability, Envelope, Lease, MAX_ARGS_BYTES};
pub use health::{Check, Readiness};
pub use heartbeat::{SlotUse, WorkerBeat};
pub use job::{Job, JobId, Queue, UnknownQueue};
pub use journal::{Journal, Started};
pub use lane::{Lane, UnknownLane};
pub use limit::{BadBounds, Bounds, Limit, Rate};
pub use limits::{LimitError, LimitSetting, MAX_SHARES, Pause, Paused, Share};
pub use loops::{Companion, Hung, Outage, bounded};
pub use notices::{clear_notice, post_notice};
pub use operations::Operations;
pub use order::Order;
pub use progress::Progress;
pub use publish::{Publication, admit_producers};
pub use registry::{ByNameError, Kind, OrderByName, Registry, WrongArgs};
pub use retention::{OldJobs, Remains, Removed};
pub use secret::{Keyring, KeyringError, Secret, open_for, redacted, seal_for, with_secrets_of};
pub use store::{Store, StoreError};
pub use terms::{FollowUp, MAX_CHAIN, MAX_FOLLOW_UPS, MAX_TENANT_CHARS, MAX_TERMS_BYTES, Moment, On, Terms, UniqueTerm, Until};
pub use unique::{Unique, UniqueProblem};
