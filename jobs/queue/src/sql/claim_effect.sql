-- Claims a job's effect row for one delivery; no row comes back when the effect is done or belongs to a newer delivery.
--   $1 job id · $2 epoch · $3 fence · $4 whether this is the handler's last act · $5 whether the promise must still stand: of an old one whose
--   end is in the ledger the effect row may be gone, and a Redis that was set back knows it still
-- A second delivery waits here for the first one's row lock until that one has committed or rolled back.
insert into faena.effects as e (job_id, epoch, fence, done_at)
select $1, $2, $3, case when $4 then clock_timestamp() end
where not $5 or exists (select from faena.outbox where id = $1)
on conflict (job_id) do update set epoch = excluded.epoch, fence = excluded.fence, done_at = excluded.done_at
where e.done_at is null and (e.epoch, e.fence) <= (excluded.epoch, excluded.fence)
returning true
