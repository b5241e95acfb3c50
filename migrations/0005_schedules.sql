-- Schedules that prove themselves: what each is stands in its row, made at run time or by the program, and each tick that was expected is
-- accounted for.

-- A schedule of the program ('code') is written here by each worker that starts, so that every worker fires it alike; one that was made at
-- run time ('made') stands only here. A worker older than this table inserts a name alone, and the columns stay null until a newer one
-- starts.
alter table faena.schedules
    add constraint schedules_name_check check (name ~ '^[a-z][a-z0-9_]{0,62}$'),
    add column source text not null default 'code' check (source in ('code', 'made')),
    add column expression text check (length(expression) between 1 and 200),
    add column time_zone text check (length(time_zone) between 1 and 64),
    add column job text check (job ~ '^[a-z][a-z0-9_]{0,62}$'),
    add column args jsonb check (octet_length(args::text) <= 131072),
    add column catch_up text check (catch_up in ('skip', 'once', 'all')),
    add column within_s integer check (within_s between 30 and 2678400),
    add column jitter_s integer not null default 0 check (jitter_s between 0 and 3600),
    -- Every tick up to here is decided: it has fired, or the ledger says why not.
    add column settled_to timestamptz,
    -- The first tick that is not. Workers ask for this alone, however many schedules there are. Null: no tick will come.
    add column next_at timestamptz,
    -- Why the last tick's job could not be enqueued, until one can.
    add column refused text,
    add column paused_at timestamptz,
    add column paused_by text check (length(paused_by) between 1 and 320),
    add column created_by text not null default 'code' check (length(created_by) between 1 and 320),
    add column edited_at timestamptz,
    add column edited_by text check (length(edited_by) between 1 and 320),
    -- Rises with each edit, so that two people who edit at once do not undo each other's.
    add column version integer not null default 1 check (version > 0),
    -- A deleted schedule keeps its ledger; its name may be used again.
    add column deleted_at timestamptz,
    add column deleted_by text check (length(deleted_by) between 1 and 320),
    add check (num_nonnulls(expression, time_zone, job, args, catch_up, settled_to) in (0, 6)),
    add check ((catch_up = 'all') = (within_s is not null)),
    add check ((paused_at is null) = (paused_by is null)),
    add check ((edited_at is null) = (edited_by is null)),
    add check ((deleted_at is null) = (deleted_by is null));

create index schedules_due on faena.schedules (next_at) where deleted_at is null;

-- The ledger of ticks. A tick that fired has a job. What was missed for one reason, one tick after the other, is one row from the first
-- (tick) to the last (last_tick), so that a year without workers is a line and not half a million.
alter table faena.schedule_ticks
    alter column fired_at drop not null,
    alter column job_id drop not null,
    add column noted_at timestamptz not null default clock_timestamp(),
    -- With jitter: when the job may run.
    add column run_at timestamptz,
    -- Somebody ran it now: the instant is theirs and no tick of the expression.
    add column asked_by text check (length(asked_by) between 1 and 320),
    add column reason text
        check (reason in ('policy_skip', 'policy_once', 'policy_all', 'paused', 'edited', 'deleted', 'refused')),
    add column detail text check (length(detail) <= 2000),
    add column last_tick timestamptz,
    add column ticks bigint not null default 1 check (ticks > 0),
    add constraint fired_or_missed check (num_nonnulls(job_id, reason) = 1 and (fired_at is null) = (job_id is null)),
    add constraint runs_are_missed check ((last_tick is null) = (ticks = 1) and (last_tick is null or last_tick > tick)),
    add constraint only_missed_in_runs check (reason is not null or ticks = 1);

-- For what is old enough to go.
create index schedule_ticks_by_time on faena.schedule_ticks (noted_at);
