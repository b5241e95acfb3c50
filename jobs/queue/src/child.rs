//! Child processes of jobs. A job that starts a program is answerable for everything that the program starts: when the attempt is over,
//! however that comes, none of it is left.

use std::{io, os::unix::process::ExitStatusExt as _, process::ExitStatus, time::Duration};

use nix::{
    errno::Errno,
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{
    process::{ChildStderr, ChildStdin, ChildStdout, Command},
    sync::oneshot,
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// Between SIGTERM and SIGKILL.
pub(crate) const GRACE: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A program that a job runs, started with [`Ctx::spawn`](crate::Ctx::spawn) in a process group of its own. When it ends, when the job is
/// cancelled, times out or must stop, and when this handle is dropped, everything in the group gets SIGTERM, and two seconds later
/// what is left gets SIGKILL.
///
/// A worker that is itself killed with SIGKILL cannot do that any more; a program that must not outlive it watches its stdin, which closes.
#[derive(Debug)]
pub struct Child {
    /// What it reads, if that was piped.
    pub stdin: Option<ChildStdin>,
    /// What it prints, if that was piped.
    pub stdout: Option<ChildStdout>,
    /// What it says of errors, if that was piped.
    pub stderr: Option<ChildStderr>,
    pid: u32,
    ended: oneshot::Receiver<io::Result<ExitStatus>>,
    /// Dropped with the handle.
    _wanted: DropGuard,
}

/// The children that a worker still has to see off.
#[derive(Debug, Clone, Default)]
pub(crate) struct Children(TaskTracker);

impl Child {
    /// Its process id, which is its group's too.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.pid
    }

    /// Waits for its end, and for the end of what it left behind in its group. When the job is interrupted meanwhile, the status says by
    /// which signal it was ended.
    ///
    /// # Errors
    /// The system does not say how it ended.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        // A program that waits for more on its stdin would wait for ever.
        drop(self.stdin.take());
        match (&mut self.ended).await {
            Ok(status) => status,
            Err(_) => Ok(ExitStatus::from_raw(Signal::SIGKILL as i32)),
        }
    }
}

impl Children {
    /// Starts a program that ends when `interrupted` fires.
    pub(crate) fn spawn(&self, command: &mut Command, interrupted: &CancellationToken) -> io::Result<Child> {
        // The group is ended as a whole, which includes the program itself.
        let mut child = command.process_group(0).kill_on_drop(false).spawn()?;
        let pid = child.id().ok_or_else(|| io::Error::other("the program has no process id"))?;
        let group = Pid::from_raw(i32::try_from(pid).map_err(io::Error::other)?);
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (told, ended) = oneshot::channel();
        let (unwanted, interrupted) = (CancellationToken::new(), interrupted.clone());
        let wanted = unwanted.clone().drop_guard();
        self.0.spawn(async move {
            let status = tokio::select! {
                status = child.wait() => {
                    end_group(group, async {}).await;
                    status
                }
                () = async { tokio::select! { () = unwanted.cancelled() => {}, () = interrupted.cancelled() => {} } } => {
                    let mut status = None;
                    end_group(group, async { status = Some(child.wait().await) }).await;
                    match status {
                        Some(status) => status,
                        None => child.wait().await,
                    }
                }
            };
            // Whoever waited may be gone.
            let _ = told.send(status);
        });
        Ok(Child { stdin, stdout, stderr, pid, ended, _wanted: wanted })
    }

    /// Resolves when no child is left.
    pub(crate) async fn gone(&self) {
        self.0.close();
        self.0.wait().await;
    }
}

/// Ends a process group: asks, waits, insists. `reap` waits for the program itself, which counts as a member of its group until then.
async fn end_group(group: Pid, reap: impl Future<Output = ()>) {
    if send(group, Signal::SIGTERM).is_err() {
        return reap.await;
    }
    let gone = async {
        reap.await;
        while killpg(group, None).is_ok() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    if tokio::time::timeout(GRACE, gone).await.is_err() {
        // What could not be ended like this (it waits for a disk, say) cannot be ended at all.
        let _ = send(group, Signal::SIGKILL);
    }
}

/// Fails when the group has no member any more.
fn send(group: Pid, signal: Signal) -> Result<(), Errno> {
    killpg(group, signal)
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    async fn shell(children: &Children, interrupted: &CancellationToken, script: &str) -> (Child, i32) {
        use tokio::io::{AsyncBufReadExt as _, BufReader};
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = children.spawn(&mut command, interrupted).unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
        (child, line.trim().parse().unwrap())
    }

    /// Waits until a process is gone; one that nobody has waited for yet is none any more.
    async fn gone(pid: i32) {
        let is_there = || {
            std::fs::read_to_string(format!("/proc/{pid}/stat"))
                .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
        };
        let gone = async {
            while is_there() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(GRACE * 3, gone).await.unwrap_or_else(|_| panic!("process {pid} is still there"));
    }

    #[tokio::test]
    async fn a_program_that_ends_leaves_nothing_behind() {
        let (children, never) = (Children::default(), CancellationToken::new());
        let (mut child, grandchild) = shell(&children, &never, "sleep 600 & echo $!; exit 7").await;

        let status = child.wait().await.unwrap();

        assert_eq!(status.code(), Some(7));
        gone(grandchild).await;
        tokio::time::timeout(GRACE * 2, children.gone()).await.unwrap();
    }

    #[tokio::test]
    async fn an_interruption_and_a_dropped_handle_end_the_whole_group() {
        let (children, interrupted) = (Children::default(), CancellationToken::new());
        let (mut child, grandchild) = shell(&children, &interrupted, "sleep 600 & echo $!; wait").await;
        interrupted.cancel();
        assert_eq!(child.wait().await.unwrap().signal(), Some(Signal::SIGTERM as i32));
        gone(grandchild).await;

        let never = CancellationToken::new();
        let (child, grandchild) = shell(&children, &never, "sleep 600 & echo $!; wait").await;
        drop(child);
        tokio::time::timeout(GRACE * 2, children.gone()).await.unwrap();
        gone(grandchild).await;
    }

    #[tokio::test]
    async fn what_is_deaf_is_ended_all_the_same() {
        let (children, interrupted) = (Children::default(), CancellationToken::new());
        let deaf = "trap '' TERM; sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done' & wait; while :; do sleep 1; done";
        let (mut child, grandchild) = shell(&children, &interrupted, deaf).await;

        interrupted.cancel();

        let status = tokio::time::timeout(GRACE * 3, child.wait()).await.unwrap().unwrap();
        assert_eq!(status.signal(), Some(Signal::SIGKILL as i32));
        gone(grandchild).await;
    }
}
