-- Which jobs died in the last 24 hours and are dead still, by kind, the most first. No more than a thousand are looked at. Whoever looks is not
-- counted: the next look does what one that died did not.
select name, count(*) as jobs, count(*) filter (where queue = 'critical') as critical
from (
    select name, queue from faena.jobs where state = 'dead' and ended_at > clock_timestamp() - interval '24 hours' and name <> 'watch_platform'
    order by ended_at desc limit 1000
) lately
group by name
order by count(*) desc, name
