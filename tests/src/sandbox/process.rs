//! The sandbox's process: found, started, waited for, ended.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::mail::Ready;
use crate::wait::PATIENCE;

/// A sandbox process and the folder that it keeps its data in.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    ready: Ready,
    flags: Vec<String>,
    folder: TempDir,
}

impl Process {
    pub(super) async fn start(flags: &[&str]) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("faena-sandbox-").tempdir().context("making the sandbox's folder")?;
        let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let (child, ready) = spawn(&folder, &flags, [const { "127.0.0.1:0" }; 6]).await?;
        Ok(Self { child, ready, flags, folder })
    }

    pub(super) async fn restart(&mut self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.child.id()).context("the sandbox's process id")?;
        kill(Pid::from_raw(pid), Signal::SIGTERM).context("ending the sandbox")?;
        let status = self.child.wait().context("waiting for the sandbox's end")?;
        if !status.success() {
            bail!("the sandbox ended with {status}");
        }
        let before = self.ready.clone();
        let addresses =
            [plain(&before.http), &before.smtp, &before.smtps, plain(&before.s3), plain(&before.stripe), plain(&before.paypal)];
        (self.child, self.ready) = spawn(&self.folder, &self.flags, addresses).await?;
        Ok(())
    }

    pub(super) fn ready(&self) -> &Ready {
        &self.ready
    }

    pub(super) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself: then there is nothing to end and its status is read all the same.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the binary and waits for its line. The addresses are those of http, smtp, smtps, s3, stripe and paypal.
async fn spawn(folder: &TempDir, flags: &[String], addresses: [&str; 6]) -> anyhow::Result<(Child, Ready)> {
    let log = folder.path().join("sandbox.log");
    let [http, smtp, smtps, s3, stripe, paypal] = addresses;
    let mut child = Command::new(binary()?)
        .arg("--data")
        .arg(folder.path().join("data"))
        .args(["--http", http, "--smtp", smtp, "--smtps", smtps, "--s3", s3, "--stripe", stripe, "--paypal", paypal])
        .arg("--stop-with-stdin")
        .args(flags)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(File::create(&log).context("making the sandbox's log")?)
        .spawn()
        .context("starting the sandbox")?;

    let mut stdout = BufReader::new(child.stdout.take().context("the sandbox's stdout")?);
    let mut line = String::new();
    let reading = tokio::task::spawn_blocking(move || stdout.read_line(&mut line).map(|_| line));
    let line = match tokio::time::timeout(PATIENCE, reading).await {
        Ok(line) => line.context("reading the sandbox's line")?.context("reading the sandbox's line")?,
        Err(_) => String::new(),
    };
    match serde_json::from_str(&line) {
        Ok(ready) => Ok((child, ready)),
        Err(_) => {
            let _ = child.kill();
            let _ = child.wait();
            bail!("the sandbox did not start: {}", std::fs::read_to_string(&log).unwrap_or_default());
        }
    }
}

/// The sandbox's binary: where cargo says, else beside the folder of this test's own.
fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("CARGO_BIN_EXE_sandbox") {
        return Ok(path.into());
    }
    let test = std::env::current_exe().context("finding this test's binary")?;
    let found = test.ancestors().skip(1).take(2).map(|folder| folder.join("sandbox")).find(|path| path.is_file());
    found.with_context(|| format!("no sandbox beside {}: run cargo build -p faena-tests", test.display()))
}

fn plain(url: &str) -> &str {
    url.trim_start_matches("http://")
}
