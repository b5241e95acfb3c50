-- Notes of locked batches what has come, and answers what follows that: each once, whatever an operator runs again afterwards.
--   $1 ids
with looked as (
    select b.id,
        not exists (select from faena.batch_jobs j where j.batch_id = b.id and j.state is null) as is_over,
        exists (select from faena.batch_jobs j where j.batch_id = b.id and j.state = 'dead') as has_death,
        not exists (select from faena.batch_jobs j where j.batch_id = b.id and j.state is distinct from 'completed') as all_completed,
        is_death_followed, is_end_followed, is_success_followed
    from faena.batches b where b.id = any($1)
)
update faena.batches b set
    ended_at = case when is_over then clock_timestamp() end,
    is_death_followed = b.is_death_followed or has_death,
    is_end_followed = b.is_end_followed or is_over,
    is_success_followed = b.is_success_followed or all_completed
from looked l where l.id = b.id
returning b.id, b.follow_ups, has_death and not l.is_death_followed as death, is_over and not l.is_end_followed as "end",
    all_completed and not l.is_success_followed as success
