-- What has become of a promise, and when it counts. One rule for the dashboard and for every report: a promise counts when it is decided. One that was kept
-- counts when it was kept; one that was broken counts at its deadline, and from then on, whether or not somebody has kept it late since. Nothing else
-- about it is decided later, so a period that is over stays as it is. One whose deadline is still to come is undecided, and stands where its deadline does;
-- while time stands still it has none.
create view desk.promise_outcomes as
select c.ticket_id, c.ticket_created_at, c.promise, c.cycle, c.state, c.warn_at,
    case when c.state = 'met' then 'kept' when c.state = 'missed' or c.due_at < now() then 'broken' else 'undecided' end as outcome,
    case when c.state = 'met' then c.stopped_at else c.due_at end as counts_at
from desk.sla_clocks c
where c.state <> 'void';
