-- Batches, the latest first, and how their jobs have ended.
--   $1 after this one (null: from the start) · $2 how many · $3 this one alone (null: all)
with listed as (
    select id, about, begun_at, ended_at from faena.batches b
    where ($3::uuid is null or id = $3) and ($1::uuid is null or (begun_at, id) < (select a.begun_at, a.id from faena.batches a where a.id = $1))
    order by begun_at desc, id desc
    limit $2
)
select l.id, about, begun_at, ended_at, counts.*
from listed l cross join lateral (
    select count(*) filter (where state is null) as open, count(*) filter (where state = 'completed') as completed,
        count(*) filter (where state = 'dead') as dead, count(*) filter (where state = 'cancelled') as cancelled
    from faena.batch_jobs j where j.batch_id = l.id
) counts
order by begun_at desc, l.id desc
