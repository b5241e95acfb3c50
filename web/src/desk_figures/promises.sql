-- What has become of the promises whose hour was in the period, and which of all wait past their deadline or near it, by promise and priority. A promise
-- that was kept counts when it was kept; one that was broken at its deadline, and from then on, whether or not somebody has kept it late.
--   $1 first day · $2 last day · $3 zone · $4 agent or null
with period as (
    select $1::date::timestamp at time zone $3 as began, ($2::date + 1)::timestamp at time zone $3 as over
), judged as (
    select c.promise, c.ticket_id, c.ticket_created_at,
        c.state = 'met' and c.stopped_at >= p.began and c.stopped_at < p.over as is_kept,
        (c.state = 'missed' or (c.state in ('running', 'paused') and c.due_at < now())) and c.due_at >= p.began and c.due_at < p.over as is_broken,
        c.state in ('running', 'paused') and c.due_at < now() as is_overdue,
        c.state = 'running' and c.warn_at < now() and c.due_at >= now() as is_near
    from desk.sla_clocks c
    cross join period p
    where c.state <> 'void'
)
select j.promise, t.priority, count(*) filter (where j.is_kept) as kept, count(*) filter (where j.is_broken) as broken,
    count(*) filter (where j.is_overdue) as overdue, count(*) filter (where j.is_near) as near
from judged j
join desk.tickets t on (t.id, t.created_at) = (j.ticket_id, j.ticket_created_at)
where (j.is_kept or j.is_broken or j.is_overdue or j.is_near) and ($4::bigint is null or t.assigned_to = $4)
group by j.promise, t.priority
