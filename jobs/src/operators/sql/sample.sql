-- Notes how attempts have gone by now, and answers how they went in the last quarter of an hour and in the day before it. A lane whose counters
-- began anew in between (a wiped Redis) is left out until they can be compared again.
--   $1 lanes · $2 succeeded · $3 failed
with now as (
    select lane, succeeded, failed from unnest($1::text[], $2::bigint[], $3::bigint[]) as t (lane, succeeded, failed)
), noted as (
    insert into core.attempt_samples (lane, at, succeeded, failed) select lane, clock_timestamp(), succeeded, failed from now
), swept as (
    delete from core.attempt_samples where at < clock_timestamp() - interval '25 hours'
)
select
    now.lane,
    now.succeeded - quarter.succeeded as succeeded,
    now.failed - quarter.failed as failed,
    quarter.succeeded - day.succeeded as succeeded_before,
    quarter.failed - day.failed as failed_before
from now
cross join lateral (
    select succeeded, failed from core.attempt_samples s
    where s.lane = now.lane and s.at <= clock_timestamp() - interval '15 minutes'
    order by s.at desc limit 1
) quarter
cross join lateral (
    select succeeded, failed from core.attempt_samples s
    where s.lane = now.lane and s.at > clock_timestamp() - interval '24 hours 15 minutes'
    order by s.at limit 1
) day
where now.succeeded >= quarter.succeeded and now.failed >= quarter.failed
    and quarter.succeeded >= day.succeeded and quarter.failed >= day.failed
