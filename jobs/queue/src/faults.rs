//! Where the fault tests break the engine: named places to die at, and guarantees to take away. Both exist only in builds with the
//! feature `faults`; in every other build each call is nothing.

/// A guarantee that a sabotaged build lacks. The fault engine must notice each of them missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// Leases and effect rows do not compare fences: a stale worker's word counts.
    NoFence,
    /// An end leaves no tombstone: a repeated push revives the job.
    NoTombstone,
    /// What Redis lost stays lost.
    NoReconcile,
    /// A job is acknowledged before its effect is committed.
    AckBeforeCommit,
    /// Events are trimmed before the ledger has them.
    TrimBeforeCommit,
}

#[cfg(not(feature = "faults"))]
mod switches {
    use super::Sabotage;

    pub(crate) const fn crash_point(_name: &'static str) {}

    pub(crate) const fn sabotaged(_guarantee: Sabotage) -> bool {
        false
    }

    pub(crate) async fn hang_here(_loop: &'static str, _is_rebuilt: bool) {}

    pub(crate) const fn hangs(_what: &'static str) -> bool {
        false
    }
}

#[cfg(feature = "faults")]
mod switches {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    };

    use super::Sabotage;

    /// `FAENA_CRASH_AT=relay.pushed` or `relay.pushed:3`: at the third time the process comes by.
    static CRASH_AT: LazyLock<Option<(String, u64)>> = LazyLock::new(|| {
        let text = std::env::var("FAENA_CRASH_AT").ok()?;
        Some(match text.split_once(':') {
            Some((name, nth)) => (name.to_owned(), nth.parse().unwrap_or(1)),
            None => (text, 1),
        })
    });
    static PASSED: AtomicU64 = AtomicU64::new(0);
    static SABOTAGE: LazyLock<String> = LazyLock::new(|| std::env::var("FAENA_SABOTAGE").unwrap_or_default());

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Hang {
        Always,
        /// Built anew, it runs.
        Once,
        /// It blocks its thread as well.
        Blocks,
    }

    /// `FAENA_HANG_LOOP=relay`: it never begins, whatever its lane. `relay:once`: only when it was built anew. `relay:block`: it blocks its thread as well.
    static HANG: LazyLock<Option<(String, Hang)>> = LazyLock::new(|| {
        let text = std::env::var("FAENA_HANG_LOOP").ok()?;
        Some(match text.split_once(':') {
            Some((name, "once")) => (name.to_owned(), Hang::Once),
            Some((name, _)) => (name.to_owned(), Hang::Blocks),
            None => (text, Hang::Always),
        })
    });

    fn hang_of(name: &str) -> Option<Hang> {
        HANG.as_ref().filter(|(wanted, _)| wanted == name).map(|(_, hang)| *hang)
    }

    /// Hangs the loop of this name, if it was told to.
    pub(crate) async fn hang_here(name: &'static str, is_rebuilt: bool) {
        match hang_of(name) {
            None => return,
            Some(Hang::Once) if is_rebuilt => return,
            Some(Hang::Blocks) => loop {
                std::thread::park();
            },
            Some(Hang::Always | Hang::Once) => {}
        }
        std::future::pending().await
    }

    /// Whether what is no loop of ours was told to hang.
    pub(crate) fn hangs(what: &'static str) -> bool {
        hang_of(what).is_some()
    }

    /// Ends the process here, without a word to anybody, if it was told to.
    pub(crate) fn crash_point(name: &'static str) {
        if let Some((wanted, nth)) = &*CRASH_AT
            && wanted == name
            && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *nth
        {
            std::process::abort();
        }
    }

    pub(crate) fn sabotaged(guarantee: Sabotage) -> bool {
        let name = match guarantee {
            Sabotage::NoFence => "no-fence",
            Sabotage::NoTombstone => "no-tombstone",
            Sabotage::NoReconcile => "no-reconcile",
            Sabotage::AckBeforeCommit => "ack-before-commit",
            Sabotage::TrimBeforeCommit => "trim-before-commit",
        };
        *SABOTAGE == name
    }
}

pub(crate) use switches::{crash_point, hang_here, hangs, sabotaged};
