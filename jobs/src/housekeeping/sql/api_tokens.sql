-- Removes API tokens that expired or were revoked.
--   $1 before · $2, $3 time and key of the last one seen · $4 how many to look at · $5 dry run
with found as (
    select least(expires_at, revoked_at) as over_at, id from faena.api_tokens
    where least(expires_at, revoked_at) < $1 and (least(expires_at, revoked_at), id) > (coalesce($2, '-infinity'), coalesce($3::bigint, 0))
    order by over_at, id
    limit $4
), taken as (
    select t.id from faena.api_tokens t join found using (id)
    where not $5 and least(t.expires_at, t.revoked_at) < $1 order by t.id for update of t skip locked
), gone as (
    delete from faena.api_tokens t using taken where t.id = taken.id returning 1
), last as (
    select over_at, id from found order by over_at desc, id desc limit 1
)
select
    (select count(*) from found) as looked_at,
    (select over_at from last) as last_at,
    (select id::text from last) as last_key,
    case when $5 then (select count(*) from found) else (select count(*) from gone) end as gone
