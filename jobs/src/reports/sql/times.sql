-- How long first answers and solutions took, of the tickets that were first answered or solved in the period, from when each was opened, by the
-- clock and not by a calendar. A solution of one that was closed and opened again took as long as it was open again: it is counted from when the clocks of
-- that cycle began. Where there was none there is no time: nothing is not zero.
--   $1 from · $2 until · $3 zone · $4 client or null · $5 agent or null · $6, $7 first and last day
with took as (
    select t.client_id, t.priority,
        case when t.first_responded_at >= $1 and t.first_responded_at < $2 then extract(epoch from t.first_responded_at - t.created_at) end as answer_s,
        case when t.void_reason is null and t.resolved_at >= $1 and t.resolved_at < $2 then extract(epoch from t.resolved_at - coalesce(case when t.cycle > 1 then
            (select min(c.started_at) from desk.sla_clocks c where (c.ticket_id, c.cycle) = (t.id, t.cycle)) end, t.created_at))
        end as solution_s
    from desk.tickets t
    where t.created_at < $2 and ((t.first_responded_at >= $1 and t.first_responded_at < $2) or (t.resolved_at >= $1 and t.resolved_at < $2))
        and ($4::bigint is null or t.client_id = $4) and ($5::bigint is null or t.assigned_to = $5)
)
select c.name, p.priority,
    count(answer_s), round(avg(answer_s))::bigint, round(percentile_cont(0.5) within group (order by answer_s)::numeric)::bigint,
    round(percentile_cont(0.9) within group (order by answer_s)::numeric)::bigint,
    count(solution_s), round(avg(solution_s))::bigint, round(percentile_cont(0.5) within group (order by solution_s)::numeric)::bigint,
    round(percentile_cont(0.9) within group (order by solution_s)::numeric)::bigint
from took p
join desk.clients c on c.id = p.client_id
group by c.id, c.name, p.priority
order by lower(c.name), c.id, array_position(array['urgent', 'high', 'normal', 'low'], p.priority)
