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
//! Every change of a live job is one script in `lua/`, called from `store`; nothing else writes to Redis but `heartbeat`, and `adoption`,
//! which empties a stock queue.

mod ack;
pub mod adoption;
mod alone;
mod attempt;
#[cfg(doctest)]
mod attempt_refusals;
mod backend;
mod backoff;
mod clock;
mod commands;
mod connection;
mod context;
mod engine;
mod enqueue;
mod envelope;
mod event;
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
mod notices;
pub mod operations;
mod perform;
mod pusher;
mod reconcile;
mod recorder;
mod registry;
mod relay;
mod stock;
mod store;
mod terms;
mod trouble;
mod view;

pub use alone::{Alone, attempt_alone};
pub use attempt::{Attempted, End, Failure, OrFailure};
pub use backoff::Backoff;
pub use context::{Ctx, Effect, Step};
pub use engine::{Engine, UncleanEnd};
pub use enqueue::{EnqueueError, enqueue, push, push_all};
pub use envelope::{Delivery, Durability, Envelope, Lease, MAX_ARGS_BYTES};
pub use health::{Check, Readiness};
pub use heartbeat::{SlotUse, WorkerBeat};
pub use job::{Job, JobId, Order, Queue, UnknownQueue};
pub use journal::{Journal, Started};
pub use lane::{Lane, UnknownLane};
pub use limit::{BadBounds, Bounds, Limit, Rate};
pub use limits::{LimitError, LimitSetting, Paused};
pub use loops::Hung;
pub use notices::{clear_notice, post_notice};
pub use operations::Operations;
pub use registry::{ByNameError, Kind, Registry};
pub use store::{Store, StoreError};
pub use terms::{FollowUp, On, Terms, UniqueTerm, Until};
