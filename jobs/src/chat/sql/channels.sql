-- Every channel, with what was set for it and what became of the last seven days' notices. A message is what one job has said; of several notices it is a
-- digest.
with recent as (
    select channel, job_id, state, count(*) as notices, max(updated_at) as at
    from core.chat_notices
    where created_at > now() - interval '7 days'
    group by channel, job_id, state
), told as (
    select channel,
        coalesce(sum(notices) filter (where state = 'sent'), 0)::bigint as said,
        count(*) filter (where state = 'sent') as messages,
        count(*) filter (where state = 'sent' and notices > 1) as digests,
        coalesce(sum(notices) filter (where state = 'refused'), 0)::bigint as refused,
        coalesce(sum(notices) filter (where state = 'unknown'), 0)::bigint as unknown,
        max(at) filter (where state = 'sent') as said_at
    from recent
    group by channel
)
select c.name, c.webhook_origin, c.webhook_set_at, u.full_name as webhook_set_by, c.disabled_at, c.disabled_for,
    case when c.quiet_until > now() then c.quiet_until end as quiet_until,
    (select count(*) from core.chat_notices n where n.channel = c.name and n.state in ('waiting', 'sending')) as waiting,
    coalesce(t.said, 0) as said, coalesce(t.messages, 0) as messages, coalesce(t.digests, 0) as digests,
    coalesce(t.refused, 0) as refused, coalesce(t.unknown, 0) as unknown, t.said_at
from core.chat_channels c
left join core.users u on u.id = c.webhook_set_by
left join told t on t.channel = c.name
order by c.name
limit 200
