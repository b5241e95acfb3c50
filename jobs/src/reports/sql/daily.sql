-- How the desk's time went, by client: what came, what was answered and solved, what is left, what became of the promises that count in the period
-- (desk.promise_outcomes says when), and how long first answers and solutions took, as in times.sql.
--   $1 from · $2 until · $3 zone · $4 client or null · $5 agent or null · $6, $7 first and last day
with looked_at as (
    select t.client_id, t.created_at, t.resolved_at,
        case when t.first_responded_at >= $1 and t.first_responded_at < $2 then extract(epoch from t.first_responded_at - t.created_at) end as answer_s,
        case when t.void_reason is null and t.resolved_at >= $1 and t.resolved_at < $2 then extract(epoch from t.resolved_at - coalesce(case when t.cycle > 1 then
            (select min(c.started_at) from desk.sla_clocks c where (c.ticket_id, c.cycle) = (t.id, t.cycle)) end, t.created_at))
        end as solution_s
    from desk.tickets t
    where t.created_at < $2 and ($4::bigint is null or t.client_id = $4) and ($5::bigint is null or t.assigned_to = $5)
), tickets as (
    select client_id, count(*) filter (where created_at >= $1) as opened, count(answer_s) as answered, count(solution_s) as resolved,
        count(*) filter (where resolved_at is null or resolved_at >= $2) as open,
        round(avg(answer_s))::bigint as answer_s, round(avg(solution_s))::bigint as solution_s
    from looked_at
    group by client_id
), promises as (
    select t.client_id, count(*) filter (where o.outcome = 'kept') as kept, count(*) filter (where o.outcome = 'broken') as broken
    from desk.promise_outcomes o
    join desk.tickets t on (t.id, t.created_at) = (o.ticket_id, o.ticket_created_at)
    where o.counts_at >= $1 and o.counts_at < $2 and ($4::bigint is null or t.client_id = $4) and ($5::bigint is null or t.assigned_to = $5)
    group by t.client_id
)
select c.name, coalesce(t.opened, 0), coalesce(t.answered, 0), coalesce(t.resolved, 0), coalesce(t.open, 0), coalesce(p.kept, 0), coalesce(p.broken, 0),
    p.kept::float8 / nullif(p.kept + p.broken, 0), t.answer_s, t.solution_s
from desk.clients c
left join tickets t on t.client_id = c.id
left join promises p on p.client_id = c.id
where ($4::bigint is null or c.id = $4)
    and (coalesce(t.opened + t.answered + t.resolved + t.open, 0) > 0 or coalesce(p.kept + p.broken, 0) > 0)
order by lower(c.name), c.id
