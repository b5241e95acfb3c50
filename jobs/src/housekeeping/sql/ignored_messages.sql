-- Removes providers' messages that were about no sale of ours.
--   $1 before · $2, $3 time and key of the last one seen · $4 how many to look at · $5 dry run
with found as (
    select received_at, provider, event_id, provider || ' ' || event_id as place, coalesce(outcome = 'ignored', false) as goes
    from school.payment_events
    where octet_length(body) > 0 and received_at < $1 and received_at >= coalesce($2, '-infinity')
        and (received_at, provider || ' ' || event_id) > (coalesce($2, '-infinity'), coalesce($3, ''))
    order by received_at, place
    limit $4
), taken as (
    select e.provider, e.event_id from school.payment_events e join found using (provider, event_id)
    where not $5 and goes order by e.provider, e.event_id for update of e skip locked
), gone as (
    delete from school.payment_events e using taken where (e.provider, e.event_id) = (taken.provider, taken.event_id) returning 1
), last as (
    select received_at, place from found order by received_at desc, place desc limit 1
)
select
    (select count(*) from found) as looked_at,
    (select received_at from last) as last_at,
    (select place from last) as last_key,
    case when $5 then (select count(*) from found where goes) else (select count(*) from gone) end as gone
