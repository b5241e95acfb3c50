-- The next pushed promises without an end, oldest push first.
--   $1, $2 the last row seen (null: from the start) · $3 only pushed longer ago than this (s) · $4 how many at most
select id, queue, pushed_at
from faena.outbox
where pushed_at < clock_timestamp() - make_interval(secs => $3)
    and ($1::timestamptz is null or (pushed_at, id) > ($1, $2))
order by pushed_at, id
limit $4
