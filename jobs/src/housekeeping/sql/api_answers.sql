-- Removes answers under idempotency keys that are no longer good.
--   $1 before · $2, $3 time and key of the last one seen · $4 how many to look at · $5 dry run
with found as (
    select answered_at, token_id, key, token_id || ' ' || key as place from faena.api_answers
    where answered_at < $1 and answered_at >= coalesce($2, '-infinity')
        and (answered_at, token_id || ' ' || key) > (coalesce($2, '-infinity'), coalesce($3, ''))
    order by answered_at, place
    limit $4
), taken as (
    select a.token_id, a.key from faena.api_answers a join found using (token_id, key)
    where not $5 and a.answered_at < $1 order by a.token_id, a.key for update of a skip locked
), gone as (
    delete from faena.api_answers a using taken where (a.token_id, a.key) = (taken.token_id, taken.key) returning 1
), last as (
    select answered_at, place from found order by answered_at desc, place desc limit 1
)
select
    (select count(*) from found) as looked_at,
    (select answered_at from last) as last_at,
    (select place from last) as last_key,
    case when $5 then (select count(*) from found) else (select count(*) from gone) end as gone
