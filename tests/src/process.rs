//! Real processes: started with settings, read while they log, killed with real signals, never left behind.

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::{stores::Stores, wait::eventually};

/// A running binary of ours.
#[derive(Debug)]
pub struct Process {
    /// What it is, for messages.
    pub name: String,
    /// `host:port` where it serves.
    pub addr: String,
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

/// Where cargo put a binary: beside this one, or beside the folder of this one when it is a test.
///
/// # Panics
/// It was not built.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("this program has a path");
    let built = this.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    built.unwrap_or_else(|| panic!("{name} is not built: start the tests with tests/run"))
}

/// Runs a command of one of our binaries to its end and returns what it printed.
///
/// # Panics
/// It fails.
pub async fn run_to_end(name: &str, args: &[&str], settings: &[(String, String)]) -> String {
    let (ok, out, err) = try_to_end(name, args, settings).await;
    assert!(ok, "{name} {args:?} failed: {out}{err}");
    out
}

/// Runs a command of one of our binaries to its end: whether it succeeded, what it printed, and what it said on stderr.
///
/// # Panics
/// It cannot be started.
pub async fn try_to_end(name: &str, args: &[&str], settings: &[(String, String)]) -> (bool, String, String) {
    let output = command(&binary(name), args, settings).output().await.unwrap_or_else(|error| panic!("{name} starts: {error}"));
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

impl Process {
    /// Starts a binary and waits until its log says `ready`.
    ///
    /// # Panics
    /// It ends before it is ready.
    pub async fn start(name: &str, args: &[&str], settings: &[(String, String)]) -> Self {
        let mut process = Self::spawn(name, args, settings);
        let ready = eventually(format!("{name} to be ready"), async || {
            assert!(!process.has_ended(), "{name} ended before it was ready:\n{}", process.log_text());
            process.logged("ready")
        })
        .await;
        process.addr = ready["addr"].as_str().unwrap_or_default().to_owned();
        process
    }

    /// Starts a binary and waits for nothing.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn spawn(name: &str, args: &[&str], settings: &[(String, String)]) -> Self {
        Self::spawn_from(&binary(name), name, args, settings)
    }

    /// As [`Process::spawn`], from a binary that lies anywhere.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn spawn_from(path: &Path, name: &str, args: &[&str], settings: &[(String, String)]) -> Self {
        let started = command(path, args, settings).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = started.unwrap_or_else(|error| panic!("{name} starts: {error}"));
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
        let kept = log.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                kept.lock().expect("the log's lock").push(line);
            }
        });
        Self { name: name.to_owned(), addr: String::new(), child, log }
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.child.id().and_then(|pid| pid.try_into().ok()).unwrap_or(0)
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// The process is gone.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).expect("the process is there");
    }

    /// SIGKILL, and its end.
    pub async fn kill_9(mut self) {
        let _ = self.child.kill().await;
    }

    /// SIGTERM, and whether it ended well.
    ///
    /// # Panics
    /// It does not end in a minute.
    pub async fn terminate(&mut self) -> bool {
        self.signal(Signal::SIGTERM);
        self.end().await
    }

    /// Waits for the end: whether it was a good one.
    ///
    /// # Panics
    /// It does not come in a minute.
    pub async fn end(&mut self) -> bool {
        let waited = tokio::time::timeout(crate::wait::PATIENCE, self.child.wait()).await;
        waited.unwrap_or_else(|_| panic!("{} did not end:\n{}", self.name, self.log_text())).is_ok_and(|status| status.success())
    }

    /// How it ended, once it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)) | Err(_))
    }

    /// The first line of its log with this message.
    #[must_use]
    pub fn logged(&self, message: &str) -> Option<Value> {
        let log = self.log.lock().expect("the log's lock");
        log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find(|line| line["message"] == message)
    }

    /// Its whole log.
    #[must_use]
    pub fn log_text(&self) -> String {
        self.log.lock().expect("the log's lock").join("\n")
    }
}

/// A probe: the real worker with the tests' own catalogue of jobs. `extra` settings come last and win.
pub async fn start_probe(stores: &Stores, extra: &[(&str, &str)]) -> Process {
    start_as_probe("probe", stores, extra).await
}

/// A probe of the build with the hooks of the fault tests, whose loop `hang` hangs.
pub async fn start_hanging_probe(stores: &Stores, hang: &str, extra: &[(&str, &str)]) -> Process {
    let extra: Vec<_> = extra.iter().copied().chain([("FAENA_HANG_LOOP", hang)]).collect();
    start_as_probe("faults-probe", stores, &extra).await
}

async fn start_as_probe(program: &str, stores: &Stores, extra: &[(&str, &str)]) -> Process {
    let mut settings = stores.settings();
    settings.push(("ADMIN_ADDR".to_owned(), "127.0.0.1:0".to_owned()));
    // A signal is for the process that runs the jobs.
    settings.push(("SUPERVISE".to_owned(), "false".to_owned()));
    settings.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Process::start(program, &["run"], &settings).await
}

/// What seals links in letters, in every test.
pub const SECRET: &str = "k3Jm0Zr+9sQvT1yXw8bL5cN2aD7fG4hE6uIoPq/RtUs=";

/// The worker as it is shipped, with a mail server at `smtp_url`. `extra` settings come last and win.
pub async fn start_worker(stores: &Stores, smtp_url: &str, extra: &[(&str, &str)]) -> Process {
    let mut settings = stores.settings();
    let ours = [
        ("ADMIN_ADDR", "127.0.0.1:0"),
        ("PUBLIC_URL", "https://compilandocode.example"),
        ("SECRET_KEY", SECRET),
        ("MAIL_FROM", "CompilandoCode <hola@compilandocode.example>"),
        ("SMTP_URL", smtp_url),
    ];
    settings.extend(ours.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Process::start("worker", &["run"], &settings).await
}

/// Where no mail server is.
pub const NO_SMTP: &str = "smtp://127.0.0.1:1";

fn command(path: &Path, args: &[&str], settings: &[(String, String)]) -> Command {
    let mut command = Command::new(path);
    // Nothing of the caller's environment configures what is tested.
    command.env_clear().envs(["PATH", "HOME"].into_iter().filter_map(|name| std::env::var(name).ok().map(|value| (name, value))));
    command
        .env("RUST_LOG", "info,apalis_core=warn")
        .envs(settings.iter().cloned())
        .args(args)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}
