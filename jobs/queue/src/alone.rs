//! A suspect, a job under which two processes have died, is attempted in a process of its own: if it ends that one too, it is dead,
//! and nothing else was hurt.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{self, Read as _, Write as _},
    path::PathBuf,
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
    sync::Semaphore,
};

use crate::{
    child::{self, Children},
    clock::Clock,
    envelope::{Delivery, Lease},
    lane::Lane,
    perform::{CANCELLED, Decision, Interrupt, Surroundings, Why, perform},
    progress::{Progress, Reported},
    registry::Registry,
    store::at,
};

/// A job is a suspect from this many crashes on.
pub(crate) const SUSPECT_AFTER: u32 = 2;
/// For so long a suspect that must stop may see to what it has started.
const STOP_GRACE: Duration = child::GRACE.saturating_add(Duration::from_secs(1));
/// A decision is a few sentences.
const MAX_LINE_BYTES: u64 = 256 * 1024;
/// The other process tells so often how far it has got.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// How to start a process that attempts one job: it must call [`attempt_alone`].
#[derive(Debug, Clone)]
pub struct Alone {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// What it is told besides the environment of this process.
    pub envs: BTreeMap<OsString, OsString>,
}

/// A delivery on its way into the other process.
#[derive(Debug, Serialize, Deserialize)]
struct Handed {
    id: String,
    lane: Lane,
    epoch: i64,
    fence: i64,
    token: String,
    attempt: u32,
    crashes: u32,
    claimed_ms: i64,
    raw: Vec<u8>,
}

/// A line of what the other process says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    /// How far it has got, as [`Progress::to_text`] has it.
    Progress(String),
    /// What it came to; nothing comes after.
    Decision(Decision),
}

/// So many suspects have processes at a time: a worker that died with five hundred jobs at work, twice, has as many.
const PROCESSES: usize = 4;
/// A suspect waits so long for its turn, in the slot that it has, and then out of everybody's way.
const TURN_PATIENCE: Duration = Duration::from_secs(10);
/// Beyond its kind's timeout, which it keeps itself unless it blocks its thread: for its start, what comes before the handler, and a commit.
const OVERTIME: Duration = Duration::from_secs(40);

/// The turns of suspects.
#[derive(Debug, Clone)]
pub(crate) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(PROCESSES)))
    }
}

/// Attempts a suspect when its turn has come. Its process dying is a decision too, and so is that it does not end within `timeout`.
pub(crate) async fn attempt_in_process(
    (alone, turns): (&Alone, &Turns),
    delivery: &Delivery,
    timeout: Duration,
    interrupt: &Interrupt,
    reported: &Reported,
) -> Decision {
    let _turn = tokio::select! {
        biased;
        why = interrupt.fired() => return decide(why),
        turn = tokio::time::timeout(TURN_PATIENCE, turns.0.acquire()) => match turn {
            Ok(turn) => turn,
            Err(_) => {
                let reason = format!("{PROCESSES} other jobs under which processes have died are attempted first");
                return Decision::Wait { delay: TURN_PATIENCE, reason };
            }
        },
    };
    let (mut child, told) = match start(alone, delivery) {
        Ok(started) => started,
        Err(error) => return unstarted(&error),
    };
    tokio::select! {
        biased;
        answer = tell_and_hear(&mut child, &told, reported) => match answer {
            Err(error) => unstarted(&error),
            Ok(answer) => answer.unwrap_or_else(|death| Decision::Dead {
                reason: format!("{} processes died while they ran it, the last one its own: {death}", delivery.crashes + 1),
            }),
        },
        why = interrupt.fired() => {
            stop(&mut child).await;
            decide(why)
        }
        () = tokio::time::sleep(timeout.saturating_add(OVERTIME)) => {
            stop(&mut child).await;
            Decision::Dead { reason: format!("no end within {} s, and it blocked its thread: its own process was killed", timeout.as_secs_f64()) }
        }
    }
}

fn decide(why: Why) -> Decision {
    match why {
        Why::Lost => Decision::Drop,
        Why::Cancel => Decision::Cancel { reason: CANCELLED.to_owned() },
        Why::Stop => Decision::Release,
    }
}

/// It has not begun: a process that died before it had heard everything says nothing about the job.
fn unstarted(error: &io::Error) -> Decision {
    Decision::Retry { error: format!("the suspect's own process could not be started: {error}"), delay: Duration::from_secs(10) }
}

/// The process, and what it is to be told.
fn start(alone: &Alone, delivery: &Delivery) -> io::Result<(Child, Vec<u8>)> {
    let mut command = Command::new(&alone.program);
    command.args(&alone.args).envs(&alone.envs).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let handed = Handed {
        id: delivery.id.clone(),
        lane: delivery.lane,
        epoch: delivery.lease.epoch,
        fence: delivery.lease.fence,
        token: delivery.lease.token.to_string(),
        attempt: delivery.attempt,
        crashes: delivery.crashes,
        claimed_ms: delivery.claimed_at.timestamp_millis(),
        raw: delivery.raw.clone(),
    };
    Ok((command.spawn()?, serde_json::to_vec(&handed)?))
}

/// It may be stuck before it has heard all of it: whoever waits for this bounds it.
async fn tell_and_hear(child: &mut Child, told: &[u8], reported: &Reported) -> io::Result<Result<Decision, String>> {
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(told).await?;
    }
    Ok(hear(child, reported).await)
}

/// It is really stopped, whatever it is doing; first it may end what it has started itself.
async fn stop(child: &mut Child) {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    let asked = pid.is_some_and(|pid| kill(Pid::from_raw(pid), Signal::SIGTERM).is_ok());
    if !asked || tokio::time::timeout(STOP_GRACE, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

/// The child's decision, or how it died.
async fn hear(child: &mut Child, reported: &Reported) -> Result<Decision, String> {
    let mut decision = None;
    if let Some(stdout) = child.stdout.take() {
        let (mut stdout, mut line) = (BufReader::new(stdout), Vec::new());
        while let Ok(1..) = (&mut stdout).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await {
            match serde_json::from_slice(&line) {
                Ok(Said::Progress(text)) => {
                    if let Some(Progress { done, total, note }) = Progress::parse(&text) {
                        reported.report(done, total, &note);
                    }
                }
                Ok(Said::Decision(said)) => decision = Some(said),
                Err(_) => break,
            }
            line.clear();
        }
    }
    let status = child.wait().await.map_err(|error| error.to_string())?;
    decision.filter(|_| status.success()).ok_or_else(|| status.to_string())
}

fn say(said: &Said) -> io::Result<()> {
    let mut line = serde_json::to_vec(said)?;
    line.push(b'\n');
    let mut stdout = std::io::stdout();
    stdout.write_all(&line)?;
    stdout.flush()
}

/// The other side: attempts the job that is handed over on stdin and says on stdout what it came to.
///
/// # Errors
/// What was handed over cannot be read, or the answer cannot be written.
pub async fn attempt_alone<P: Send + Sync + 'static>(registry: Registry<P>, ports: P, db: PgPool) -> io::Result<()> {
    let mut handed = Vec::new();
    std::io::stdin().read_to_end(&mut handed)?;
    let handed: Handed = serde_json::from_slice(&handed)?;
    let delivery = Delivery {
        id: handed.id,
        lane: handed.lane,
        lease: Lease::new(handed.epoch, handed.fence, handed.token.into()),
        attempt: handed.attempt,
        crashes: handed.crashes,
        claimed_at: at(handed.claimed_ms),
        raw: handed.raw,
    };
    let children = Children::default();
    let surroundings = Surroundings {
        registry,
        ports: Arc::new(ports),
        db,
        clock: Clock::default(),
        journal: None,
        alone: None,
        turns: Turns::default(),
        peers: None,
        children: children.clone(),
    };
    let (interrupt, mut terminate) = (Arc::new(Interrupt::default()), signal(SignalKind::terminate())?);
    tokio::spawn({
        let interrupt = interrupt.clone();
        async move {
            terminate.recv().await;
            interrupt.fire(Why::Stop);
        }
    });
    let envelope = delivery.envelope();
    let (reported, mut ticks) = (Arc::<Reported>::default(), tokio::time::interval(TELL_EVERY));
    let mut attempt = std::pin::pin!(perform(&surroundings, &delivery, envelope.as_ref(), &interrupt, &reported));
    let decision = loop {
        tokio::select! {
            decision = &mut attempt => break decision,
            _ = ticks.tick() => reported.take_news().map_or(Ok(()), |text| say(&Said::Progress(text)))?,
        }
    };
    children.gone().await;
    say(&Said::Decision(decision))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Queue;

    #[tokio::test]
    async fn a_process_that_does_not_hear_what_it_is_told_is_stopped_all_the_same() {
        let alone = Alone { program: "sleep".into(), args: vec!["600".into()], envs: BTreeMap::new() };
        let delivery = Delivery {
            id: "a".to_owned(),
            lane: Lane::of(Queue::Default),
            lease: Lease::new(1, 1, "token".into()),
            attempt: 1,
            crashes: 2,
            claimed_at: at(0),
            // More than fits into a pipe.
            raw: vec![b' '; 1_000_000],
        };
        let (turns, interrupt, reported) = (Turns::default(), Interrupt::default(), Reported::default());
        let all = turns.0.available_permits();

        let attempt = attempt_in_process((&alone, &turns), &delivery, Duration::from_secs(600), &interrupt, &reported);
        let stop = async {
            while turns.0.available_permits() == all {
                tokio::task::yield_now().await;
            }
            interrupt.fire(Why::Stop);
        };
        let ended = tokio::time::timeout(Duration::from_secs(120), async { tokio::join!(attempt, stop) }).await;

        assert_eq!(ended.expect("an end").0, Decision::Release);
    }
}
