-- When and why clocks of ticket $1 stood still, the latest first, $2 times at most; of one that was put away too. What several did at once is one pause.
with paused as (
    select p.during, p.reason, c.promise
    from desk.sla_clocks c join desk.sla_pauses p on p.clock_id = c.id where c.ticket_id = $1
    union all
    select p.during, p.reason, c.promise
    from archive.sla_clocks c join archive.sla_pauses p on p.clock_id = c.id where c.ticket_id = $1
)
select lower(during) as began_at, upper(during) as ended_at, reason, array_agg(promise order by promise) as promises
from paused
group by during, reason
order by lower(during) desc, upper(during) desc, reason
limit $2
