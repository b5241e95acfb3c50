-- Removes effects and attempts of jobs that nobody knows any more, where all of them are old. How old an effect is that was never done, the
-- job's id tells (UUIDv7, RFC 9562, 5.7); of other ids nobody knows it, and it stays.
--   $1 ids, which Redis did not know a moment ago · $2 before · $3 dry run: count only
with old as (
    select t.id from unnest($1::uuid[]) as t (id)
    where not exists (select from faena.outbox o where o.id = t.id)
        and not exists (select from faena.jobs j where j.id = t.id)
        and not exists (select from faena.attempts a where a.job_id = t.id and a.ended_at >= $2)
        and not exists (
            select from faena.effects e
            where e.job_id = t.id and coalesce(e.done_at, case when substring(e.job_id::text from 15 for 1) = '7'
                then to_timestamp(('x' || lpad(left(replace(e.job_id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint / 1000.0) end, 'infinity') >= $2
        )
), gone_attempts as (
    delete from faena.attempts a using old where a.job_id = old.id and not $3 returning 1
), gone_effects as (
    delete from faena.effects e using old where e.job_id = old.id and not $3 returning 1
)
select
    0::bigint as jobs,
    case when $3 then (select count(*) from faena.attempts a join old on old.id = a.job_id) else (select count(*) from gone_attempts) end as attempts,
    case when $3 then (select count(*) from faena.effects e join old on old.id = e.job_id) else (select count(*) from gone_effects) end as effects,
    0::bigint as commands
