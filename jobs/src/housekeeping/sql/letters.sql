-- Removes letters that are over and to whom nothing refers but their bounces, which go with them. One that an operator has sent again lately stays.
--   $1 before · $2, $3 time and key of the last one seen · $4 how many to look at · $5 dry run
with found as (
    select created_at, id, state in ('sent', 'unknown', 'failed', 'withheld') and updated_at < $1
        and not exists (select from mail.suppressions s where s.message_id = m.id and s.lifted_at is null) as goes
    from mail.messages m
    where created_at < $1 and (created_at, id) > (coalesce($2, '-infinity'), coalesce($3::uuid, '00000000-0000-0000-0000-000000000000'))
    order by created_at, id
    limit $4
), taken as (
    select m.id from mail.messages m join found using (id)
    where not $5 and goes and m.state in ('sent', 'unknown', 'failed', 'withheld') and m.updated_at < $1
    order by m.id for update of m skip locked
), gone as (
    delete from mail.messages m using taken where m.id = taken.id returning 1
), last as (
    select created_at, id from found order by created_at desc, id desc limit 1
)
select
    (select count(*) from found) as looked_at,
    (select created_at from last) as last_at,
    (select id::text from last) as last_key,
    case when $5 then (select count(*) from found where goes) else (select count(*) from gone) end as gone
