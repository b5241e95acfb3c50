-- What has become of the promises that count in the period (desk.promise_outcomes says when), and which of all wait past their deadline or near it, by promise
-- and priority: that for which it was promised.
--   $1 first day · $2 last day · $3 zone · $4 agent or null
with period as (
    select $1::date::timestamp at time zone $3 as began, ($2::date + 1)::timestamp at time zone $3 as over
), judged as (
    select o.promise, o.priority, o.ticket_id, o.ticket_created_at,
        o.outcome = 'kept' and o.counts_at >= p.began and o.counts_at < p.over as is_kept,
        o.outcome = 'broken' and o.counts_at >= p.began and o.counts_at < p.over as is_broken,
        o.outcome = 'broken' and o.state <> 'missed' as is_overdue,
        o.outcome = 'undecided' and o.state = 'running' and o.warn_at < now() as is_near
    from desk.promise_outcomes o
    cross join period p
)
select j.promise, coalesce(j.priority, t.priority) as priority, count(*) filter (where j.is_kept) as kept, count(*) filter (where j.is_broken) as broken,
    count(*) filter (where j.is_overdue) as overdue, count(*) filter (where j.is_near) as near
from judged j
join desk.tickets t on (t.id, t.created_at) = (j.ticket_id, j.ticket_created_at)
where (j.is_kept or j.is_broken or j.is_overdue or j.is_near) and ($4::bigint is null or t.assigned_to = $4)
group by 1, 2
