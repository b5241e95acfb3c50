//! The supervisor: a small parent of the real worker that sees how it dies. A job whose process died under it is counted a crash; it
//! returns to its lane at once, and the worker is started again.

use std::{
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::process::ExitStatusExt,
    },
    path::{Path, PathBuf},
    process::{ExitCode, ExitStatus},
    time::{Duration, Instant},
};

use anyhow::Context;
use nix::{
    sys::{
        memfd::{MFdFlags, memfd_create},
        prctl,
        signal::{Signal, kill},
    },
    unistd::{Pid, getppid},
};
use queue::{Journal, Store};
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};
use tracing::{error, info, warn};

/// What the worker is told about where to note the jobs it begins; it is also how it knows that it has a supervisor.
pub(crate) const JOURNAL: &str = "FAENA_JOURNAL";

/// Whose end is ours too.
pub(crate) const PARENT: &str = "FAENA_PARENT";

/// A worker that lived for longer than this did not die at its start.
const LONG_LIFE: Duration = Duration::from_secs(60);
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// For so long Redis may be away when a crash is to be counted; then the jobs return when their leases run out, uncounted.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the worker in a process of its own until it ends by itself, and again whenever it is killed. Answers its exit code.
pub(crate) async fn supervise(store: &Store) -> anyhow::Result<ExitCode> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (mut pause, mut stopping) = (Duration::from_millis(500), false);
    loop {
        let journal = JournalFile::new()?;
        let begun = Instant::now();
        let mut child = start(&journal.path)?;
        let status = loop {
            let sent = tokio::select! {
                status = child.wait() => break status.context("waiting for the worker")?,
                _ = terminate.recv() => Signal::SIGTERM,
                _ = interrupt.recv() => Signal::SIGINT,
            };
            stopping = true;
            forward(&child, sent);
        };
        let Some(death) = status.signal() else { return Ok(exit_code(status)) };
        count_crashes(store, &journal.path, death).await;
        if stopping {
            return Ok(ExitCode::FAILURE);
        }
        pause = if begun.elapsed() > LONG_LIFE { Duration::from_millis(500) } else { (pause * 2).min(MAX_PAUSE) };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = terminate.recv() => return Ok(ExitCode::SUCCESS),
            _ = interrupt.recv() => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// Ends this process when its parent ends: a worker without its supervisor would outlive whoever means to stop it.
pub(crate) fn die_with(parent: i32) -> anyhow::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL).context("asking to end with the supervisor")?;
    // It may have ended before we asked.
    anyhow::ensure!(getppid() == Pid::from_raw(parent), "the supervisor is gone already");
    Ok(())
}

fn start(journal: &Path) -> anyhow::Result<Child> {
    let program = std::env::current_exe().context("looking for this program")?;
    let mut command = Command::new(program);
    command
        .args(std::env::args_os().skip(1))
        .env(JOURNAL, journal)
        .env(PARENT, std::process::id().to_string())
        .kill_on_drop(true);
    command.spawn().context("starting the worker")
}

fn forward(child: &Child, sent: Signal) {
    if let Some(pid) = child.id().and_then(|pid| pid.try_into().ok()) {
        // It may have ended in this moment.
        let _ = kill(Pid::from_raw(pid), sent);
    }
}

fn exit_code(status: ExitStatus) -> ExitCode {
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

async fn count_crashes(store: &Store, journal: &Path, death: i32) {
    let mut started = Journal::read(journal).unwrap_or_default();
    started.sort_by_key(|started| started.lane);
    let signal = Signal::try_from(death).map_or("a signal", Signal::as_str);
    let jobs: Vec<&str> = started.iter().map(|started| started.id.as_str()).take(20).collect();
    error!(
        signal,
        running = started.len(),
        ?jobs,
        "the worker was killed; its jobs return to their lanes, and the crash is counted"
    );
    let given_up = Instant::now() + PATIENCE;
    while !started.is_empty() {
        match store.count_crashes(&started).await {
            Ok(counted) => {
                info!(counted, "crashes were counted");
                return;
            }
            Err(error) if Instant::now() > given_up => {
                warn!(%error, "crashes could not be counted; their jobs return when their leases run out");
                return;
            }
            Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
}

/// A file in memory without a name: the worker writes to it twice a job, which a file system on a disk makes dear, and however this process ends,
/// nothing is left of it. The worker reaches it through this process.
struct JournalFile {
    path: PathBuf,
    _open: OwnedFd,
}

impl JournalFile {
    fn new() -> anyhow::Result<Self> {
        let open = memfd_create(c"faena-journal", MFdFlags::MFD_CLOEXEC).context("making the journal of started jobs")?;
        let path = format!("/proc/{}/fd/{}", std::process::id(), open.as_raw_fd()).into();
        Ok(Self { path, _open: open })
    }
}
