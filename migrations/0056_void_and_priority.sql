-- Clocks stand still while their ticket is void, a promise is counted under the priority that it was made for, and hours that do not count are kept.

-- A ticket that was void and goes on after all: until then nobody had to keep what was promised.
alter table desk.sla_pauses drop constraint sla_pauses_reason_check,
    add constraint sla_pauses_reason_check check (reason in ('waiting_client', 'resolved', 'void'));

-- The priority by which it was last worked out: what was decided keeps it, whatever becomes of the ticket's. Null: nobody has noted it, and the ticket's counts.
alter table desk.sla_clocks add column priority text check (priority in ('low', 'normal', 'high', 'urgent'));
alter table archive.sla_clocks add column priority text;
-- Of what was promised before, its policy knows; where that is gone, or there was none, what the ticket is now is all that is known.
update desk.sla_clocks c set priority = coalesce((select p.priority from desk.sla_policies p where p.id = c.policy_id), t.priority)
from desk.tickets t where (t.id, t.created_at) = (c.ticket_id, c.ticket_created_at);

-- As before, and for which priority it was promised.
create or replace view desk.promise_outcomes as
select c.ticket_id, c.ticket_created_at, c.promise, c.cycle, c.state, c.warn_at,
    case when c.state = 'met' then 'kept' when c.state = 'missed' or c.due_at < now() then 'broken' else 'undecided' end as outcome,
    case when c.state = 'met' then c.stopped_at else c.due_at end as counts_at,
    c.priority
from desk.sla_clocks c
where c.state <> 'void';

-- A calendar that is open day and night may have hours all the same: they count again when it is not any more.
comment on column desk.calendars.is_always_open is 'Day and night, holidays too. Its hours do not count meanwhile.';
