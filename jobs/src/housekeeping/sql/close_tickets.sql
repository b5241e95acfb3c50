-- Closes tickets that were resolved before $1, says so in the audit log (nobody did it), and promises the letters to the client's people. Their clocks have
-- stopped already, so none is moved.
--   $1 before · $2, $3 time and key of the last one seen · $4 how many to look at · $5 dry run
with found as (
    select resolved_at, id, created_at from desk.tickets
    where status = 'resolved' and resolved_at < $1 and (resolved_at, id) > (coalesce($2, '-infinity'), coalesce($3::bigint, 0))
    order by resolved_at, id
    limit $4
), taken as (
    -- Whoever has opened one again has it first.
    select t.id, t.created_at from desk.tickets t join found f on (f.id, f.created_at) = (t.id, t.created_at)
    where not $5 and t.status = 'resolved' and t.resolved_at < $1
    for no key update of t skip locked
), closed as (
    update desk.tickets t
    set status = 'closed', closed_at = greatest(date_trunc('second', clock_timestamp()), t.resolved_at),
        updated_at = greatest(date_trunc('second', clock_timestamp()), t.updated_at), lock_version = t.lock_version + 1
    from taken where (t.id, t.created_at) = (taken.id, taken.created_at)
    returning t.id, t.client_id, t.created_by, t.closed_at, t.lock_version
), noted as (
    insert into core.audit_log (at, action, subject, detail)
    select closed_at, 'close_ticket', 'ticket:' || id, '{"status": {"from": "resolved", "to": "closed"}}' from closed
), letters as (
    select faena.enqueue('announce_closure', jsonb_build_object('user_id', reader, 'ticket_id', c.id, 'version', c.lock_version)) as job_id
    from closed c
    cross join lateral desk.ticket_readers(c.id, c.client_id, c.created_by) reader
), last as (
    select resolved_at, id from found order by resolved_at desc, id desc limit 1
)
select
    (select count(*) from found) as looked_at,
    (select resolved_at from last) as last_at,
    (select id::text from last) as last_key,
    case when $5 then (select count(*) from found) else (select count(*) from closed) end as gone,
    (select count(job_id) from letters) as letters
