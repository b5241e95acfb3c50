-- The next jobs that ended long ago, oldest first.
--   $1 state · $2 ended before · $3, $4 the last row seen (null: from the start) · $5 how many at most
select ended_at, id
from faena.jobs
where state = $1 and ended_at < $2
    and (ended_at, id) > (coalesce($3, '-infinity'), coalesce($4, '00000000-0000-0000-0000-000000000000'))
order by ended_at, id
limit $5
