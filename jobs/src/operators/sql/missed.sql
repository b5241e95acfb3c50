-- Schedules of which ticks were let go because no worker fired them in time, or because their job could not be enqueued, as far as that was noted in the last ten
-- minutes; each with how many ticks, the first and the last. What somebody has paused, edited or deleted is theirs to know. Ticks of the look
-- itself are left out: the next look makes up for them. A job that is refused still has a notice of the watcher's.
select t.schedule, sum(t.ticks)::bigint as ticks, min(t.tick) as first, max(coalesce(t.last_tick, t.tick)) as last
from faena.schedule_ticks t
join faena.schedules s on s.name = t.schedule
where t.noted_at > clock_timestamp() - interval '10 minutes' and t.reason in ('policy_skip', 'policy_once', 'policy_all', 'unfired', 'refused')
    and s.deleted_at is null and s.job is distinct from 'watch_platform'
    and not (t.reason = 'refused' and exists (select from faena.notices n where n.key = 'schedule_refused:' || t.schedule))
group by t.schedule
order by t.schedule
