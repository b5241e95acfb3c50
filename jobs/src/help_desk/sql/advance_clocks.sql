-- Advances the clocks that have come to something before $1, $2 of them at most, or those of ticket $3 alone: each to the highest level that it has
-- reached, with one alert, and a letter to each who is to know. One statement, so that a clock is never further than what was told about it. At the
-- very instant of its deadline a promise is still kept.
with unfollowed as materialized (
    -- A change of rules that clocks are following, unless that takes too long: then each is told by what it was last set by.
    select at, after_ticket from desk.rule_changes where finished_at is null and at > $1 - interval '10 minutes'
), due as (
    -- Clocks that another monitor, or somebody who changes a ticket, is at are left alone: the one tells what they have come to, the other moves them.
    select id, ticket_id, ticket_created_at, level, warn_at, due_at, escalate_at
    from desk.sla_clocks
    where state = 'running' and next_at < $1 and ($3::bigint is null or ticket_id = $3)
        -- By the rules that are gone it would have come to something since; by the new ones perhaps not.
        and ($3::bigint is not null
            or not exists (select from unfollowed u where sla_clocks.next_at >= u.at and sla_clocks.ticket_id > u.after_ticket))
    order by next_at
    limit $2
    for update skip locked
), judged as (
    select *,
        case when due_at < $1 then 2 + (select count(*) from unnest(escalate_at) passed where passed < $1) else 1 end::smallint as reached,
        case when due_at < $1 then (select min(ahead) from unnest(escalate_at) ahead where ahead >= $1) else due_at end as next_at
    from due
), advanced as (
    update desk.sla_clocks c
    set level = greatest(j.level, j.reached), next_at = j.next_at
    from judged j
    where c.id = j.id
), told as (
    insert into desk.alerts (clock_id, ticket_id, level, due_at, reached_at, created_at, after_level)
    select id, ticket_id, reached, due_at, case reached when 1 then warn_at when 2 then due_at else escalate_at[reached - 2] end, $1, level
    from judged
    where reached > level
    order by id
    on conflict (clock_id, due_at, level) do nothing
    returning id, clock_id, level, extract(epoch from created_at - reached_at)::double precision as late_s
), addressed as (
    select told.id as alert_id, told.level, agent.id as agent_id
    from told
    join judged j on j.id = told.clock_id
    join desk.tickets t on (t.id, t.created_at) = (j.ticket_id, j.ticket_created_at)
    left join core.users agent on agent.id = t.assigned_to and agent.disabled_at is null and agent.role in ('agent', 'manager', 'admin')
), readers as (
    -- Whoever the ticket is assigned to, if they work here still; managers where that is nobody, and of each escalation.
    select alert_id, agent_id as user_id from addressed where agent_id is not null
    union
    select alert_id, manager.id from addressed
    join core.users manager on manager.role = 'manager' and manager.disabled_at is null
    where level > 2 or agent_id is null
), letters as (
    -- What somebody is told at once is one letter, of two hundred alerts at most: a storm is read in one, and does not fill the outbox.
    select faena.enqueue('notify_sla_alert', jsonb_build_object('user_id', user_id, 'alert_ids', jsonb_agg(alert_id order by alert_id))) as job_id
    from (select *, (row_number() over (partition by user_id order by alert_id) - 1) / 200 as part from readers) numbered
    group by user_id, part
)
select (select count(*) from due) as clocks, (select count(*) from told) as alerts, (select count(job_id) from letters) as letters,
    array(select late_s from told) as late_s
