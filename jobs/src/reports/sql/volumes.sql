-- How many tickets each day brought and took, and how many it left, by client and subject. What was solved and opened again counts as not solved:
-- that is what is known of it now. One that is void was not solved, and waits no more. Days on which there was nothing at all have no row.
--   $1 from · $2 until · $3 zone · $4 client or null · $5 agent or null · $6, $7 first and last day
with looked_at as (
    select t.client_id, t.category, t.created_at, t.resolved_at, t.void_reason is null as is_solved
    from desk.tickets t
    where t.created_at < $2 and (t.resolved_at is null or t.resolved_at >= $1) and ($4::bigint is null or t.client_id = $4)
        and ($5::bigint is null or t.assigned_to = $5)
), days as (
    select day::date from generate_series($6::date::timestamp, $7::date::timestamp, interval '1 day') day
), kinds as (
    -- What was open when the period began.
    select client_id, category, count(*) filter (where created_at < $1) as before from looked_at group by client_id, category
), opened as (
    select client_id, category, (created_at at time zone $3)::date as day, count(*) as tickets
    from looked_at where created_at >= $1 group by 1, 2, 3
), resolved as (
    select client_id, category, (resolved_at at time zone $3)::date as day, count(*) as tickets, count(*) filter (where is_solved) as solved
    from looked_at where resolved_at < $2 group by 1, 2, 3
), counted as (
    select d.day, k.client_id, k.category, coalesce(o.tickets, 0) as opened, coalesce(r.solved, 0) as resolved,
        (k.before + sum(coalesce(o.tickets, 0) - coalesce(r.tickets, 0)) over (partition by k.client_id, k.category order by d.day))::bigint as left_open
    from days d
    cross join kinds k
    left join opened o on (o.client_id, o.category, o.day) = (k.client_id, k.category, d.day)
    left join resolved r on (r.client_id, r.category, r.day) = (k.client_id, k.category, d.day)
)
select n.day, c.name, n.category, n.opened, n.resolved, n.left_open
from counted n
join desk.clients c on c.id = n.client_id
where n.opened <> 0 or n.resolved <> 0 or n.left_open <> 0
order by n.day, lower(c.name), c.id, n.category
