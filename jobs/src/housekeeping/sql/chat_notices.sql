-- Removes what was said in a chat, long ago.
--   $1 before · $2, $3 time and key of the last one seen · $4 how many to look at · $5 dry run
with found as (
    select created_at as time, id, state in ('sent', 'unknown', 'refused', 'withdrawn') as goes from core.chat_notices
    where created_at < $1 and (created_at, id) > (coalesce($2, '-infinity'), coalesce($3::bigint, 0))
    order by created_at, id
    limit $4
), taken as (
    select t.id from core.chat_notices t join found using (id) where not $5 and goes order by t.id for update of t skip locked
), gone as (
    delete from core.chat_notices t using taken where t.id = taken.id returning 1
), last as (
    select time, id from found order by time desc, id desc limit 1
)
select
    (select count(*) from found) as looked_at,
    (select time from last) as last_at,
    (select id::text from last) as last_key,
    case when $5 then (select count(*) from found where goes) else (select count(*) from gone) end as gone
