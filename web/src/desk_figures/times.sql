-- How long first answers and solutions took, of the tickets that were first answered or solved in the period, from when each was opened, by the clock and
-- not by a calendar: by priority, and of all (priority null). A solution of one that was closed and opened again is counted from when the clocks of that cycle
-- began. Where there was none there is no time: nothing is not zero.
--   $1 first day · $2 last day · $3 zone · $4 agent or null
with period as (
    select $1::date::timestamp at time zone $3 as began, ($2::date + 1)::timestamp at time zone $3 as over
), took as (
    select t.priority,
        case when t.first_responded_at >= p.began and t.first_responded_at < p.over then extract(epoch from t.first_responded_at - t.created_at) end as answer_s,
        case when t.void_reason is null and t.resolved_at >= p.began and t.resolved_at < p.over then extract(epoch from t.resolved_at - coalesce(case when t.cycle > 1 then
            (select min(c.started_at) from desk.sla_clocks c where (c.ticket_id, c.cycle) = (t.id, t.cycle)) end, t.created_at))
        end as solution_s
    from desk.tickets t
    cross join period p
    where t.created_at < p.over and ($4::bigint is null or t.assigned_to = $4)
        and ((t.first_responded_at >= p.began and t.first_responded_at < p.over) or (t.resolved_at >= p.began and t.resolved_at < p.over))
)
select priority, count(answer_s) as answered, round(avg(answer_s))::bigint as answer_mean_s,
    round(percentile_cont(0.5) within group (order by answer_s)::numeric)::bigint as answer_median_s,
    round(percentile_cont(0.9) within group (order by answer_s)::numeric)::bigint as answer_p90_s,
    count(solution_s) as resolved, round(avg(solution_s))::bigint as solution_mean_s,
    round(percentile_cont(0.5) within group (order by solution_s)::numeric)::bigint as solution_median_s,
    round(percentile_cont(0.9) within group (order by solution_s)::numeric)::bigint as solution_p90_s
from took
group by grouping sets ((priority), ())
