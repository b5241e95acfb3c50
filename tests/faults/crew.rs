//! The worker processes of a world, and the supervisor that starts a new one whenever one has ended.

use std::{
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    sync::{Arc, Mutex as StdMutex},
    time::{Duration, Instant},
};

use faena_tests::process::Process;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::sync::{Mutex, MutexGuard};

use crate::{plan::SLOTS, trace::Trace};

/// A worker that was asked to end has ended after this: its drain's 3 s, and as long again for each thing that may be in its way.
const LONGEST_END: Duration = Duration::from_secs(45);

/// What a world's workers are.
pub(crate) struct Crew {
    /// Two builds of one program, as before and after a deploy; the first knows the crash points.
    binaries: [PathBuf; 2],
    settings: Vec<(String, String)>,
    slots: Vec<Mutex<Slot>>,
    retired: Mutex<Vec<(Process, Instant)>>,
    hits: StdMutex<Vec<String>>,
    /// The logs of those that have ended.
    logs: StdMutex<Vec<String>>,
    trace: Arc<Trace>,
}

#[derive(Default)]
struct Slot {
    process: Option<Process>,
    /// Which of the two binaries is deployed here.
    binary: usize,
    armed: Option<String>,
    /// Why its end would surprise nobody.
    doomed: bool,
}

impl Crew {
    pub(crate) fn new(binaries: [PathBuf; 2], settings: Vec<(String, String)>, trace: Arc<Trace>) -> Arc<Self> {
        // Both builds are always at work: a deploy changes which is where.
        let slots = (0..SLOTS).map(|number| Mutex::new(Slot { binary: number % 2, ..Slot::default() })).collect();
        let crew = Arc::new(Self {
            binaries,
            settings,
            slots,
            retired: Mutex::default(),
            hits: StdMutex::default(),
            logs: StdMutex::default(),
            trace,
        });
        tokio::spawn({
            let crew = Arc::downgrade(&crew);
            async move {
                while let Some(crew) = crew.upgrade() {
                    crew.look_after().await;
                    drop(crew);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        });
        crew
    }

    /// Starts what is not running, and notes how what ran has ended.
    async fn look_after(&self) {
        for (number, slot) in self.slots.iter().enumerate() {
            let mut slot = slot.lock().await;
            if let Some(status) = slot.process.as_mut().and_then(Process::ended) {
                self.keep_log(slot.process.take());
                let armed = slot.armed.take();
                match armed {
                    Some(point) if status.signal() == Some(Signal::SIGABRT as i32) => {
                        self.trace.note(format!("worker {number} died at {point}"));
                        self.hits.lock().expect("the crew's lock").push(point);
                    }
                    _ if slot.doomed => {}
                    _ => self.trace.note(format!("worker {number} ended by itself: {status}")),
                }
            }
            if slot.process.is_none() {
                self.start(number, &mut slot, None);
            }
        }
        let mut retired = self.retired.lock().await;
        let mut staying = Vec::new();
        for (mut process, since) in retired.drain(..) {
            if process.ended().is_some() { self.keep_log(Some(process)) } else { staying.push((process, since)) }
        }
        *retired = staying;
    }

    fn start(&self, number: usize, slot: &mut Slot, crash_at: Option<(&str, u32)>) {
        let mut settings = self.settings.clone();
        let binary = if crash_at.is_some() { 0 } else { slot.binary };
        settings.extend(crash_at.map(|(point, nth)| ("FAENA_CRASH_AT".to_owned(), format!("{point}:{nth}"))));
        slot.process = Some(Process::spawn_from(&self.binaries[binary], &format!("worker {number}"), &["run"], &settings));
        slot.armed = crash_at.map(|(point, _)| point.to_owned());
        slot.doomed = false;
    }

    /// This worker, or the next that is not on its way to a crash point.
    async fn unarmed(&self, number: usize) -> (usize, MutexGuard<'_, Slot>) {
        for step in 0..SLOTS {
            let number = (number + step) % SLOTS;
            let slot = self.slots[number].lock().await;
            if slot.armed.is_none() {
                return (number, slot);
            }
        }
        (number, self.slots[number].lock().await)
    }

    /// Sends a signal to one worker; answers its process id, by which [`Crew::thaw`] finds it.
    pub(crate) async fn signal(&self, number: usize, signal: Signal) -> i32 {
        let (_, mut slot) = self.unarmed(number).await;
        slot.doomed |= signal == Signal::SIGKILL;
        let pid = slot.process.as_ref().map_or(0, Process::pid);
        send(pid, signal);
        pid
    }

    pub(crate) fn thaw(pid: i32) {
        send(pid, Signal::SIGCONT);
    }

    /// SIGTERM; another one takes its place meanwhile.
    pub(crate) async fn terminate(&self, number: usize) {
        let (_, mut slot) = self.unarmed(number).await;
        let old = slot.process.take();
        self.retire(old).await;
    }

    /// The other binary everywhere, one worker after another, each new one started before the old one is asked to end.
    pub(crate) async fn deploy(&self) {
        for number in 0..SLOTS {
            let mut slot = self.slots[number].lock().await;
            slot.binary = 1 - slot.binary;
            if slot.armed.is_some() {
                continue;
            }
            let old = slot.process.take();
            self.start(number, &mut slot, None);
            drop(slot);
            tokio::time::sleep(Duration::from_millis(200)).await;
            self.retire(old).await;
        }
    }

    /// Puts a worker here that dies when it passes this point.
    pub(crate) async fn arm(&self, number: usize, point: &str, nth: u32) {
        let (number, mut slot) = self.unarmed(number).await;
        let old = slot.process.take();
        self.start(number, &mut slot, Some((point, nth)));
        drop(slot);
        self.retire(old).await;
    }

    /// Leaves a worker no room to grow: the next larger piece of memory it asks for is refused.
    pub(crate) async fn starve(&self, number: usize) {
        let (_, mut slot) = self.unarmed(number).await;
        slot.doomed = true;
        let pid = slot.process.as_ref().map_or(0, Process::pid);
        let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
        let Some(pages) = statm.split(' ').next().and_then(|pages| pages.parse::<u64>().ok()) else { return };
        // The soft limit alone: who is starved twice may have grown since.
        let limit = format!("--as={}:", pages * 4096 + (8 << 20));
        let _ = tokio::process::Command::new("prlimit").args(["--pid", &pid.to_string(), &limit]).status().await;
    }

    async fn retire(&self, old: Option<Process>) {
        let Some(old) = old else { return };
        send(old.pid(), Signal::SIGTERM);
        self.retired.lock().await.push((old, Instant::now()));
    }

    /// How often a worker died at this point.
    pub(crate) fn hits(&self, point: &str) -> usize {
        self.hits.lock().expect("the crew's lock").iter().filter(|hit| *hit == point).count()
    }

    pub(crate) fn all_hits(&self) -> Vec<String> {
        self.hits.lock().expect("the crew's lock").clone()
    }

    /// Takes every armed or starved worker out; afterwards nothing ends but by itself.
    pub(crate) async fn disarm(&self) {
        for slot in &self.slots {
            let mut slot = slot.lock().await;
            if slot.armed.is_some() || slot.doomed {
                let old = slot.process.take();
                slot.armed = None;
                self.retire(old).await;
            }
        }
    }

    /// Those that were asked to end and have not, for too long.
    pub(crate) async fn overdue(&self) -> Vec<String> {
        let retired = self.retired.lock().await;
        let late = retired.iter().filter(|(_, since)| since.elapsed() > LONGEST_END);
        late.map(|(process, _)| format!("{} (pid {})", process.name, process.pid())).collect()
    }

    /// Whether all who were asked to end have ended.
    pub(crate) async fn is_settled(&self) -> bool {
        self.retired.lock().await.is_empty()
    }

    fn keep_log(&self, process: Option<Process>) {
        if let Some(process) = process {
            let text = format!("== {} (pid {})\n{}", process.name, process.pid(), process.log_text());
            self.logs.lock().expect("the crew's lock").push(text);
        }
    }

    /// Every line that any worker wrote.
    pub(crate) async fn all_logs(&self) -> String {
        let mut all = self.logs.lock().expect("the crew's lock").join("\n");
        for slot in &self.slots {
            if let Some(process) = &slot.lock().await.process {
                all += &format!("\n== {} (pid {}, running)\n{}", process.name, process.pid(), process.log_text());
            }
        }
        for (process, _) in &*self.retired.lock().await {
            all += &format!("\n== {} (pid {}, asked to end)\n{}", process.name, process.pid(), process.log_text());
        }
        all
    }
}

fn send(pid: i32, signal: Signal) {
    // 0 would be everybody.
    if pid > 0 {
        let _ = kill(Pid::from_raw(pid), signal);
    }
}
