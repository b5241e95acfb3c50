-- How many tickets each day of the period brought and took, and how many it left. What was solved and opened again counts as not solved: that is what is
-- known of it now. One that is void was not solved, and waits no more.
--   $1 first day · $2 last day · $3 zone · $4 agent or null
with period as (
    select $1::date::timestamp at time zone $3 as began, ($2::date + 1)::timestamp at time zone $3 as over
), looked_at as (
    select t.created_at, t.resolved_at, t.void_reason is null as is_solved
    from desk.tickets t
    cross join period p
    where t.created_at < p.over and (t.resolved_at is null or t.resolved_at >= p.began) and ($4::bigint is null or t.assigned_to = $4)
), before as (
    select count(*) as tickets from looked_at cross join period p where created_at < p.began
), opened as (
    select (created_at at time zone $3)::date as day, count(*) as tickets from looked_at cross join period p where created_at >= p.began group by 1
), resolved as (
    select (resolved_at at time zone $3)::date as day, count(*) as tickets, count(*) filter (where is_solved) as solved
    from looked_at cross join period p where resolved_at < p.over group by 1
)
select d.day::date as day, coalesce(o.tickets, 0) as opened, coalesce(r.solved, 0) as resolved,
    (b.tickets + sum(coalesce(o.tickets, 0) - coalesce(r.tickets, 0)) over (order by d.day))::bigint as left_open
from generate_series($1::date::timestamp, $2::date::timestamp, interval '1 day') d (day)
cross join before b
left join opened o on o.day = d.day::date
left join resolved r on r.day = d.day::date
order by d.day
