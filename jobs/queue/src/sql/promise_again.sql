-- Promises an ended job anew: its ledger row becomes an outbox row under the same id, attempt numbers go on, it is due now, and
-- no longer expires: whoever asks for it wants it. Wishes to cancel it are older, and stand no longer.
--   $1 job id
with gone as (
    delete from faena.jobs where id = $1 and args is not null returning *
), asked as (
    -- What followed its end is known by its ledger row; the row may be gone by now, and then it would follow once more.
    select gone.id, case when ended_at < clock_timestamp() - interval '1 day' and terms ? 'follow_ups' then jsonb_set(terms, '{follow_ups}', coalesce((
            select jsonb_agg(next order by place) from jsonb_array_elements(terms -> 'follow_ups') with ordinality as f (next, place)
            where not (next ->> 'on' = 'end' or next ->> 'on' = 'death' and state = 'dead')
        ), '[]'))
        else terms end - 'expires_at' as terms
    from gone
), promised as (
    insert into faena.outbox (id, queue, name, version, args, run_at, attempts_before, traceparent, enqueued_at, terms, undone_end_at)
    select gone.id, queue, name, version::smallint, args, clock_timestamp(), attempts, traceparent, enqueued_at, nullif(asked.terms, '{}'), ended_at
    from gone join asked using (id)
), admitted as (
    -- What was cancelled or died was barred from having an effect. Whom the row belonged to then is older than whoever attempts the job next, and
    -- newer than all before.
    update faena.effects e set done_at = null, epoch = coalesce(e.barred_epoch, 0), fence = coalesce(e.barred_fence, 0), barred_epoch = null, barred_fence = null
    from gone where e.job_id = gone.id and (e.epoch, e.fence) = (0, 0)
), closed as (
    update faena.commands c set stands = false, carried_out_at = coalesce(c.carried_out_at, clock_timestamp()), outcome = coalesce(c.outcome, 'too_late')
    from gone where c.job_id = gone.id and c.verb = 'cancel' and (c.stands or c.carried_out_at is null)
)
select pg_notify('faena_outbox', '')
