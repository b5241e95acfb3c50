-- Lanes, pauses and checkpoints: decisions, so they live here and outlast a Redis that was wiped.

-- A job waits in a queue's own lane ('low') or in a named one ('low/videos'), which has slots of its own.
alter table faena.outbox drop constraint outbox_queue_check;
alter table faena.outbox add constraint outbox_queue_check check (queue ~ '^(critical|default|low)(/[a-z0-9_]{1,32})?$');

-- Every lane that a worker has served, and whether somebody paused it. A paused lane's jobs wait; those that run go on.
create table faena.lanes (
    lane text primary key check (lane ~ '^(critical|default|low)(/[a-z0-9_]{1,32})?$'),
    paused_at timestamptz,
    paused_by text check (length(paused_by) between 1 and 320),
    check ((paused_at is null) = (paused_by is null))
);
insert into faena.lanes (lane) values ('critical'), ('default'), ('low');

-- How far a job has got, for its next attempt to go on from. It stands in the effect row, whose (epoch, fence) refuses the word of a
-- delivery that a newer one has replaced.
alter table faena.effects add column checkpoint jsonb check (octet_length(checkpoint::text) <= 131072);
