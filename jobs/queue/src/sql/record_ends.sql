-- Records the ends of jobs, each once. What a promise says comes from the outbox, where it still stands; of a job without a
-- promise everything came with its event. A job whose effect was committed is completed, whatever Redis made of it: its worker died before it
-- could say so, and then the job's time was over, or somebody's wish to cancel it was all that was left. Answers the ends that bring something with them: keys of unique jobs, what follows, and batches.
--   $1 queue · $2 ids · $3 states · $4 reasons · $5 attempts · $6 ended · $7 whether the envelope came along · then from the envelope:
--   $8 names · $9 versions · $10 args · $11 args that are no JSON · $12 durabilities · $13 enqueued · $14 run at · $15 traceparents · $16 terms
--   · $17 as of when that is told (null: its fence says enough) · and $18 whether it was delivered too late
-- A Redis that has forgotten its last second tells once more of ends of jobs that were deleted from the ledger since, and of ends that an operator has
-- undone: those are left out, by as of when they are told. It delivers once more, too late, what an operator has run again since, which does not expire: that
-- end is left out as well, and when Redis has forgotten it reconcile pushes the job as it is.
with barred as (
    -- A Redis that forgets its last second runs the job again: what the ledger calls dead or cancelled has no effect then. Older than every
    -- delivery, which is how an operator's retry knows it. Barred before the ledger is written: an effect that is being committed is waited for.
    insert into faena.effects as e (job_id, epoch, fence, done_at)
    select t.id, 0, 0, clock_timestamp()
    from unnest($2::uuid[], $3::text[], $6::timestamptz[], $7::boolean[], $17::timestamptz[], $18::boolean[]) as t (id, state, ended_at, whole, as_of, expired)
    left join faena.outbox o on o.id = t.id
    where t.state <> 'completed'
        and case when o.id is null
            then t.whole and not exists (select from faena.commands c where c.job_id = t.id and c.verb = 'delete' and c.asked_at >= coalesce(t.as_of, t.ended_at))
            else (t.as_of is null or o.undone_end_at is null or o.undone_end_at < t.as_of) and (not t.expired or o.terms ? 'expires_at') end
        and not exists (select from faena.jobs j where j.id = t.id)
    order by t.id
    on conflict (job_id) do update set
        barred_epoch = case when e.done_at is null then e.epoch else e.barred_epoch end,
        barred_fence = case when e.done_at is null then e.fence else e.barred_fence end,
        epoch = case when e.done_at is null then 0 else e.epoch end,
        fence = case when e.done_at is null then 0 else e.fence end,
        done_at = coalesce(e.done_at, excluded.done_at)
    returning job_id, (epoch, fence) <> (0, 0) as is_done
), written as (
    insert into faena.jobs (id, queue, name, version, args, args_raw, durability, state, reason, attempts, enqueued_at, run_at, ended_at, traceparent, terms)
    select
        t.id,
        coalesce(o.queue, $1),
        coalesce(o.name, t.name),
        coalesce(o.version, t.version),
        coalesce(o.args, t.args::jsonb),
        case when o.id is null then t.args_raw end,
        case when o.id is null then t.durability else 'outbox' end,
        case when effect.is_done then 'completed' else t.state end,
        case when effect.is_done then null else t.reason end,
        -- What is committed was attempted, whether or not Redis remembers it.
        greatest(t.attempts, case when effect.is_done then 1 end) + coalesce(o.attempts_before, 0),
        coalesce(o.enqueued_at, t.enqueued_at),
        coalesce(o.run_at, t.run_at),
        t.ended_at,
        coalesce(o.traceparent, t.traceparent),
        coalesce(o.terms, t.terms::jsonb)
    from unnest($2::uuid[], $3::text[], $4::text[], $5::integer[], $6::timestamptz[], $7::boolean[], $8::text[], $9::integer[], $10::text[],
            $11::bytea[], $12::text[], $13::timestamptz[], $14::timestamptz[], $15::text[], $16::text[], $17::timestamptz[], $18::boolean[])
        as t (id, state, reason, attempts, ended_at, whole, name, version, args, args_raw, durability, enqueued_at, run_at, traceparent, terms, as_of, expired)
    left join faena.outbox o on o.id = t.id
    left join barred effect on effect.job_id = t.id
    where case when o.id is null
        then t.whole and not exists (select from faena.commands c where c.job_id = t.id and c.verb = 'delete' and c.asked_at >= coalesce(t.as_of, t.ended_at))
        else (t.as_of is null or o.undone_end_at is null or o.undone_end_at < t.as_of) and (not t.expired or o.terms ? 'expires_at') end
    on conflict (id) do nothing
    returning id, state, reason, attempts, ended_at, traceparent, terms
)
-- A duplicate never was: nothing follows it.
select id, state, ended_at, traceparent, terms::text as terms from written
where terms ?| array['unique', 'follow_ups', 'batch'] and not (state = 'cancelled' and attempts = 0 and starts_with(reason, 'duplicate of '))
