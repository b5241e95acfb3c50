-- What each of those who see to tickets has come to in the period: of the tickets that are theirs now. Times are the clock's, from when a ticket was
-- opened, and as in times.sql where it was opened again. When a promise counts is said by desk.promise_outcomes. Who works here is in it with nothing too.
--   $1 from · $2 until · $3 zone · $4 client or null · $5 agent or null · $6, $7 first and last day
with tickets as (
    select t.assigned_to,
        case when t.first_responded_at >= $1 and t.first_responded_at < $2 then extract(epoch from t.first_responded_at - t.created_at) end as answer_s,
        case when t.void_reason is null and t.resolved_at >= $1 and t.resolved_at < $2 then extract(epoch from t.resolved_at - coalesce(case when t.cycle > 1 then
            (select min(c.started_at) from desk.sla_clocks c where (c.ticket_id, c.cycle) = (t.id, t.cycle)) end, t.created_at))
        end as solution_s,
        t.created_at < $2 and (t.resolved_at is null or t.resolved_at >= $2) as is_open
    from desk.tickets t
    where t.assigned_to is not null and t.created_at < $2 and ($4::bigint is null or t.client_id = $4)
        and ($5::bigint is null or t.assigned_to = $5)
), took as (
    select assigned_to, count(solution_s) as resolved, count(answer_s) as answered, round(avg(answer_s))::bigint as answer_s,
        round(percentile_cont(0.5) within group (order by answer_s)::numeric)::bigint as median_answer_s,
        round(avg(solution_s))::bigint as solution_s, count(*) filter (where is_open) as open
    from tickets group by assigned_to
), promises as (
    select t.assigned_to, count(*) filter (where o.outcome = 'kept') as kept, count(*) filter (where o.outcome = 'broken') as broken
    from desk.promise_outcomes o
    join desk.tickets t on (t.id, t.created_at) = (o.ticket_id, o.ticket_created_at)
    where t.assigned_to is not null and o.counts_at >= $1 and o.counts_at < $2 and ($4::bigint is null or t.client_id = $4)
        and ($5::bigint is null or t.assigned_to = $5)
    group by t.assigned_to
)
select u.full_name, coalesce(k.resolved, 0), coalesce(k.answered, 0), k.answer_s, k.median_answer_s, k.solution_s, coalesce(p.kept, 0),
    coalesce(p.broken, 0), p.kept::float8 / nullif(p.kept + p.broken, 0), coalesce(k.open, 0)
from core.users u
left join took k on k.assigned_to = u.id
left join promises p on p.assigned_to = u.id
where ($5::bigint is null or u.id = $5) and ((u.role in ('agent', 'manager') and u.disabled_at is null)
    or coalesce(k.resolved + k.answered + k.open, 0) > 0 or coalesce(p.kept + p.broken, 0) > 0)
order by coalesce(k.resolved, 0) desc, lower(u.full_name), u.id
