-- The tickets that are not resolved, by status, priority and how long ago they were opened (0: less than a day, 1: less than three, 2: less than a week,
-- 3: less than thirty days, 4: longer).
--   $1 agent or null
select t.status, t.priority, width_bucket(extract(epoch from now() - t.created_at) / 86400, array[1, 3, 7, 30]::numeric[]) as age, count(*) as tickets
from desk.tickets t
where t.status in ('new', 'open', 'waiting_client') and ($1::bigint is null or t.assigned_to = $1)
group by 1, 2, 3
