-- Locks a job's effect row, and makes one where there is none: an attempt that is at its last act, or in a step, is waited for. Answers whether it is
-- done.
--   $1 job id
insert into faena.effects as e (job_id, epoch, fence) values ($1, 0, 0)
on conflict (job_id) do update set epoch = e.epoch
returning done_at is not null as is_done
