-- Puts tickets away that have been closed for long, with their comments, clocks, pauses and alerts. One statement: a ticket is here or there, whole. What
-- somebody has opened again, or is at, stays.
--   $1 before · $2, $3 time and key of the last one seen · $4 how many to look at · $5 dry run
with found as (
    select closed_at, id, created_at, updated_at < $1 as goes from desk.tickets
    where status = 'closed' and closed_at < $1 and (closed_at, id) > (coalesce($2, '-infinity'), coalesce($3::bigint, 0))
    order by closed_at, id
    limit $4
), taken as (
    select t.id, t.created_at from desk.tickets t join found f on (f.id, f.created_at) = (t.id, t.created_at)
    where not $5 and f.goes and t.status = 'closed' and t.closed_at < $1 and t.updated_at < $1
    for update of t skip locked
), clocks as (
    select c.id from desk.sla_clocks c join taken t on (t.id, t.created_at) = (c.ticket_id, c.ticket_created_at)
), kept_tickets as (
    insert into archive.tickets (id, created_at, client_id, title, description, category, tags, priority, status, created_by, assigned_to, contract_id,
        first_responded_at, resolved_at, closed_at, void_reason, merged_into, cycle, lock_version, updated_at)
    select t.id, t.created_at, t.client_id, t.title, t.description, t.category, t.tags, t.priority, t.status, t.created_by, t.assigned_to, t.contract_id,
        t.first_responded_at, t.resolved_at, t.closed_at, t.void_reason, t.merged_into, t.cycle, t.lock_version, t.updated_at
    from desk.tickets t join taken on (taken.id, taken.created_at) = (t.id, t.created_at)
), kept_comments as (
    insert into archive.comments (id, ticket_id, ticket_created_at, author_id, body, is_internal, by_desk, created_at)
    select c.id, c.ticket_id, c.ticket_created_at, c.author_id, c.body, c.is_internal, c.by_desk, c.created_at
    from desk.comments c join taken t on (t.id, t.created_at) = (c.ticket_id, c.ticket_created_at)
), kept_clocks as (
    insert into archive.sla_clocks (id, ticket_id, ticket_created_at, promise, cycle, policy_id, policy_revision, calendar_id, calendar_revision, target_s,
        warn_s, escalate_s, state, started_at, consumed_s, counted_to, warn_at, due_at, escalate_at, level, next_at, stopped_at, priority)
    select c.id, c.ticket_id, c.ticket_created_at, c.promise, c.cycle, c.policy_id, c.policy_revision, c.calendar_id, c.calendar_revision, c.target_s,
        c.warn_s, c.escalate_s, c.state, c.started_at, c.consumed_s, c.counted_to, c.warn_at, c.due_at, c.escalate_at, c.level, c.next_at, c.stopped_at,
        c.priority
    from desk.sla_clocks c join clocks using (id)
), kept_pauses as (
    insert into archive.sla_pauses (clock_id, during, reason)
    select p.clock_id, p.during, p.reason from desk.sla_pauses p join clocks on clocks.id = p.clock_id
), kept_alerts as (
    insert into archive.alerts (id, clock_id, ticket_id, level, kind, due_at, reached_at, created_at, after_level, acknowledged_at, acknowledged_by)
    select a.id, a.clock_id, a.ticket_id, a.level, a.kind, a.due_at, a.reached_at, a.created_at, a.after_level, a.acknowledged_at, a.acknowledged_by
    from desk.alerts a join clocks on clocks.id = a.clock_id
), gone_clocks as (
    -- Pauses and alerts go with them.
    delete from desk.sla_clocks c using clocks where c.id = clocks.id
), gone_comments as (
    delete from desk.comments c using taken t where (c.ticket_id, c.ticket_created_at) = (t.id, t.created_at)
), gone as (
    delete from desk.tickets t using taken where (t.id, t.created_at) = (taken.id, taken.created_at) returning 1
), last as (
    select closed_at, id from found order by closed_at desc, id desc limit 1
)
select
    (select count(*) from found) as looked_at,
    (select closed_at from last) as last_at,
    (select id::text from last) as last_key,
    case when $5 then (select count(*) from found where goes) else (select count(*) from gone) end as gone
