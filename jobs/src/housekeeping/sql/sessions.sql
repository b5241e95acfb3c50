-- Removes sessions that have expired.
--   $1 before · $2, $3 time and key of the last one seen · $4 how many to look at · $5 dry run
with found as (
    select expires_at, id_hash from core.sessions
    where expires_at < $1 and (expires_at, id_hash) > (coalesce($2, '-infinity'), coalesce(decode($3, 'hex'), ''))
    order by expires_at, id_hash
    limit $4
), taken as (
    select s.id_hash from core.sessions s join found using (id_hash) where not $5 and s.expires_at < $1 order by s.id_hash for update of s skip locked
), gone as (
    delete from core.sessions s using taken where s.id_hash = taken.id_hash returning 1
), last as (
    select expires_at, id_hash from found order by expires_at desc, id_hash desc limit 1
)
select
    (select count(*) from found) as looked_at,
    (select expires_at from last) as last_at,
    (select encode(id_hash, 'hex') from last) as last_key,
    case when $5 then (select count(*) from found) else (select count(*) from gone) end as gone
