//! What reports there are, in which formats, and who may have which.

use crate::{accounts::role::Role, help_desk::words::words};

words! {
    /// What a report tells.
    Kind {
        /// How the desk's day went, by client.
        Daily = "daily",
        /// The tickets themselves.
        Tickets = "tickets",
        /// Which promises were kept, by month, client and priority.
        Sla = "sla",
        /// How long first answers and solutions took.
        Times = "times",
        /// What each day brought, took and left.
        Volumes = "volumes",
        /// What each agent has come to.
        Agents = "agents",
        /// What the school has sold, by day and course.
        Sales = "sales",
    }
}

words! {
    /// What sort of file it is.
    Format {
        /// RFC 4180, with a byte order mark so that spreadsheets read it as UTF-8.
        Csv = "csv",
        /// Office Open XML.
        Xlsx = "xlsx",
        /// To be read and printed, with totals and a chart.
        Pdf = "pdf",
    }
}

words! {
    /// Whose tickets are in a report.
    Scope {
        /// Everybody's.
        Everything = "everything",
        /// Those that whoever asked for it sees to.
        Own = "own",
    }
}

words! {
    /// Where a report stands.
    State {
        /// It waits for a worker.
        Queued = "queued",
        /// It is being made.
        Running = "running",
        /// There is a file.
        Ready = "ready",
        /// There will be none.
        Failed = "failed",
        /// Nobody wants it any more.
        Cancelled = "cancelled",
        /// There was a file.
        Expired = "expired",
    }
}

words! {
    /// Why a report has failed.
    Problem {
        /// Whoever asked for it may not see it any more.
        NotAllowed = "not_allowed",
        /// What was asked for makes no sense.
        BadParams = "bad_params",
        /// It has more rows than its format takes.
        TooLarge = "too_large",
        /// It was tried in vain, and operators have it before them.
        Broken = "broken",
    }
}

impl Kind {
    /// How much of such a report somebody of that role may see; `None`: nothing. Agents see what is theirs, and money is the administrators' matter.
    #[must_use]
    pub const fn scope_of(self, role: Role) -> Option<Scope> {
        match (role, self) {
            (Role::Admin, _) => Some(Scope::Everything),
            (Role::Manager | Role::Agent, Self::Sales) => None,
            (Role::Manager, _) => Some(Scope::Everything),
            (Role::Agent, _) => Some(Scope::Own),
            _ => None,
        }
    }

    /// Whether somebody of that role may still have what was asked for in that scope: who has risen gets what they asked for, who has fallen nothing.
    #[must_use]
    pub fn may_have(self, role: Role, scope: Scope) -> bool {
        self.scope_of(role).is_some_and(|now| now == Scope::Everything || now == scope)
    }

    /// Whether clients can be told apart in it.
    #[must_use]
    pub const fn has_clients(self) -> bool {
        !matches!(self, Self::Sales)
    }
}

impl Format {
    /// The media type (RFC 4180, 3; RFC 8118; IANA's registration of Office Open XML).
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Pdf => "application/pdf",
        }
    }

    /// How many rows such a file may have. A PDF is laid out in memory and read by people; a spreadsheet of more sheets opens on no machine.
    #[must_use]
    pub const fn most_rows(self) -> u64 {
        match self {
            Self::Csv => 100_000_000,
            Self::Xlsx => 10_000_000,
            Self::Pdf => 3_000,
        }
    }
}

impl State {
    /// Whether something is still to come.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_fallen_gets_nothing_and_who_has_risen_what_they_asked_for() {
        for kind in Kind::ALL {
            assert!(kind.may_have(Role::Admin, Scope::Everything), "{kind}");
            assert_eq!(kind.may_have(Role::Manager, Scope::Everything), *kind != Kind::Sales, "{kind}");
            assert!(!kind.may_have(Role::Agent, Scope::Everything), "{kind}");
            assert_eq!(kind.may_have(Role::Agent, Scope::Own), *kind != Kind::Sales, "{kind}");
            assert_eq!(kind.may_have(Role::Manager, Scope::Own), *kind != Kind::Sales, "{kind}");
            for role in [Role::Learner, Role::Instructor, Role::Client, Role::Operator] {
                assert_eq!(kind.scope_of(role), None, "{kind} {role}");
            }
        }
    }
}
