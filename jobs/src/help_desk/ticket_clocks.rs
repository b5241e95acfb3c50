//! What becomes of a ticket's clocks when something happens to it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    calendar::Calendar,
    clock::Clock,
    comment::is_told,
    number::ClockId,
    policy::Terms,
    ticket::{Held, Ticket},
    trouble::DeskError,
    words::{ClockState, PauseReason, Promise, Status},
};

/// Sets a ticket's clocks by other terms: those that count go on with what is used up; a promise that is no more is void, unless its deadline has passed: then
/// it was broken, and stays so; one that comes back counts from where it began; one that is new begins now. The clocks that were given are yet to be saved.
pub(super) async fn follow_terms(
    tx: &mut PgConnection,
    at: DateTime<Utc>,
    ticket: &Ticket,
    clocks: &mut Vec<Clock>,
    terms: &Terms,
    calendar: &Calendar,
) -> Result<(), DeskError> {
    let stood_still: Vec<ClockId> = standing_still(clocks).collect();
    let is_awaited = is_awaited(tx, ticket, clocks).await?;
    let mut begun = set_terms(ticket, is_awaited, clocks, terms, calendar, at)?;
    for clock in &mut begun {
        clock.insert(tx, ticket.id, ticket.created_at).await?;
    }
    clocks.append(&mut begun);
    if standing_still(clocks).ne(stood_still.iter().copied()) {
        for id in standing_still(clocks).filter(|id| !stood_still.contains(id)) {
            begin_pause(tx, id, at, PauseReason::WaitingClient).await?;
        }
        end_pauses(tx, at, clocks).await?;
    }
    Ok(())
}

/// Whether the client waits for a first answer; in a later cycle only if they were promised one in it, and nobody has kept that since.
async fn is_awaited(tx: &mut PgConnection, ticket: &Ticket, clocks: &[Clock]) -> sqlx::Result<bool> {
    if ticket.first_responded_at.is_none() {
        return Ok(true);
    }
    let was_promised = clocks.iter().any(|clock| clock.promise == Promise::FirstResponse && clock.state == ClockState::Void);
    Ok(ticket.cycle > 1 && was_promised && !is_told(tx, ticket, Some(ticket.created_by)).await?)
}

fn set_terms(
    ticket: &Ticket,
    is_awaited: bool,
    clocks: &mut [Clock],
    terms: &Terms,
    calendar: &Calendar,
    at: DateTime<Utc>,
) -> Result<Vec<Clock>, DeskError> {
    let mut begun = Vec::new();
    for promise in Promise::ALL.iter().copied() {
        let is_to_be_kept = ticket.status.is_live() && (promise == Promise::Resolution || is_awaited);
        let clock = clocks.iter_mut().find(|clock| clock.promise == promise);
        match (terms.target_s(promise), clock) {
            // What was broken does not vanish with the promise.
            (None, Some(clock)) if clock.is_live() && clock.is_overdue(at) => clock.stop(&calendar.time, at),
            (None, Some(clock)) if clock.is_live() => clock.give_up(&calendar.time, at),
            (Some(target_s), Some(clock)) if clock.is_live() => clock.change_terms(target_s, terms, calendar, at)?,
            // Missed while it is to be kept still: it had lost its promise when that was overdue.
            (Some(target_s), Some(clock)) if is_to_be_kept && matches!(clock.state, ClockState::Void | ClockState::Missed) => {
                clock.promise_again(target_s, terms, calendar, at)?;
            }
            (Some(target_s), None) if is_to_be_kept => {
                begun.push(Clock::start(promise, ticket.cycle, target_s, terms, calendar, at)?);
            }
            _ => {}
        }
    }
    if ticket.status == Status::WaitingClient {
        for clock in clocks.iter_mut().chain(&mut begun) {
            match (clock.state, terms.pauses_while_waiting) {
                (ClockState::Running, true) => clock.pause(&calendar.time, at),
                (ClockState::Paused, false) => clock.go_on(calendar, at)?,
                _ => {}
            }
        }
    }
    Ok(begun)
}

fn standing_still(clocks: &[Clock]) -> impl Iterator<Item = ClockId> {
    clocks.iter().filter(|clock| clock.state == ClockState::Paused).map(|clock| clock.id)
}

impl Held<'_> {
    /// Sets its clocks by what is promised now.
    pub(super) async fn follow_terms(&mut self) -> Result<(), DeskError> {
        let terms = self.terms().await?;
        follow_terms(self.tx, self.at, &self.ticket, &mut self.clocks, &terms, &self.calendar).await
    }

    async fn terms(&mut self) -> Result<Terms, DeskError> {
        Terms::find(self.tx, self.ticket.client_id, self.ticket.priority, self.ticket.contract_id).await
    }

    /// Time stands still, if the terms say so.
    pub(super) async fn pause(&mut self) -> Result<(), DeskError> {
        if self.terms().await?.pauses_while_waiting {
            for clock in self.clocks.iter_mut().filter(|clock| clock.state == ClockState::Running) {
                clock.pause(&self.calendar.time, self.at);
                begin_pause(self.tx, clock.id, self.at, PauseReason::WaitingClient).await?;
            }
        }
        Ok(())
    }

    /// Time goes on where it stood still.
    pub(super) async fn go_on(&mut self) -> Result<(), DeskError> {
        for clock in self.clocks.iter_mut().filter(|clock| clock.state == ClockState::Paused) {
            clock.go_on(&self.calendar, self.at)?;
        }
        end_pauses(self.tx, self.at, &self.clocks).await
    }

    /// The promise is kept, or is one no more; that of an answer goes with the answer.
    pub(super) async fn stop(&mut self, is_kept: impl Fn(Promise) -> bool) -> Result<(), DeskError> {
        for clock in self.clocks.iter_mut().filter(|clock| clock.is_live() && is_kept(clock.promise)) {
            clock.stop(&self.calendar.time, self.at);
        }
        end_pauses(self.tx, self.at, &self.clocks).await
    }

    /// Nothing that was promised counts any more, not even what is overdue: the ticket should not have been. What somebody has kept before, in time or late,
    /// stays kept.
    pub(super) async fn give_up(&mut self) -> Result<(), DeskError> {
        for clock in self.clocks.iter_mut().filter(|clock| clock.is_live()) {
            clock.give_up(&self.calendar.time, self.at);
        }
        end_pauses(self.tx, self.at, &self.clocks).await
    }

    /// It should have been after all: what was given up when it became void goes on as it was, with what was used up and what had been told. The time in between
    /// does not count, as after any other end that was none: nobody was warned meanwhile, and what was decided in days that are over stays as it is.
    pub(super) async fn undo_void(&mut self, void_since: DateTime<Utc>) -> Result<(), DeskError> {
        for clock in
            self.clocks.iter_mut().filter(|clock| clock.state == ClockState::Void && clock.stopped_at == Some(void_since))
        {
            begin_pause(self.tx, clock.id, void_since, PauseReason::Void).await?;
            clock.go_on(&self.calendar, self.at)?;
        }
        Ok(())
    }

    /// It is not over: the clock that the solution stopped goes on with what was used up; the time in between does not count.
    pub(super) async fn take_up_again(&mut self, resolved_at: Option<DateTime<Utc>>) -> Result<(), DeskError> {
        for clock in
            self.clocks.iter_mut().filter(|clock| clock.promise == Promise::Resolution && clock.state != ClockState::Void)
        {
            // One that was stopped before has lost its promise when that was overdue.
            let Some(stopped_at) = clock.stopped_at.filter(|at| Some(*at) >= resolved_at) else { continue };
            begin_pause(self.tx, clock.id, stopped_at, PauseReason::Resolved).await?;
            clock.go_on(&self.calendar, self.at)?;
        }
        end_pauses(self.tx, self.at, &self.clocks).await?;
        self.follow_terms().await
    }
}

/// Ends the pauses of clocks that do not stand still. One that lasted no time was none.
async fn end_pauses(tx: &mut PgConnection, at: DateTime<Utc>, clocks: &[Clock]) -> Result<(), DeskError> {
    let going: Vec<ClockId> = clocks.iter().filter(|clock| clock.state != ClockState::Paused).map(|clock| clock.id).collect();
    for sql in [
        "delete from desk.sla_pauses where clock_id = any($1) and upper_inf(during) and lower(during) >= $2",
        "update desk.sla_pauses set during = tstzrange(lower(during), $2) where clock_id = any($1) and upper_inf(during)",
    ] {
        sqlx::query(sql).bind(&going).bind(at).execute(&mut *tx).await?;
    }
    Ok(())
}

async fn begin_pause(tx: &mut PgConnection, clock: ClockId, at: DateTime<Utc>, reason: PauseReason) -> sqlx::Result<()> {
    sqlx::query("insert into desk.sla_pauses (clock_id, during, reason) values ($1, tstzrange($2, null), $3)")
        .bind(clock)
        .bind(at)
        .bind(reason)
        .execute(tx)
        .await
        .map(drop)
}
