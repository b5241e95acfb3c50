-- The engine's tables. Postgres is the truth about decisions and history: what was promised (the outbox), what became of it
-- (the ledger), and which effects have happened. Redis is the truth about live jobs; nothing here follows a job from claim to claim.

create schema faena;

-- What was promised. A row is written in the caller's own transaction and stays until the job's end stands in the ledger, so a
-- promise outlives Redis. The relay pushes rows whose pushed_at is null; reconcile pushes again what Redis has lost.
create table faena.outbox (
    id uuid primary key,
    queue text not null check (queue in ('critical', 'default', 'low')),
    name text not null check (name ~ '^[a-z][a-z0-9_]{0,62}$'),
    version smallint not null check (version > 0),
    args jsonb not null check (octet_length(args::text) <= 131072),
    -- Null: as soon as possible.
    run_at timestamptz,
    -- Attempts used in earlier rounds, when an operator enqueued a dead job again: numbers go on, the budget starts anew.
    attempts_before integer not null default 0 check (attempts_before >= 0),
    traceparent text check (length(traceparent) <= 128),
    enqueued_at timestamptz not null default clock_timestamp(),
    pushed_at timestamptz
);

-- The relay finds work by this index and never by "id greater than the last": transactions do not commit in the order of their ids.
create index outbox_unpushed on faena.outbox (id) where pushed_at is null;
-- Reconcile walks this one, oldest promise first.
create index outbox_pushed on faena.outbox (pushed_at, id) where pushed_at is not null;

-- What became of it: one row a job, written once, at its end. Arguments that are not JSON text are kept as they came.
create table faena.jobs (
    id uuid primary key,
    queue text not null,
    name text not null,
    version integer not null,
    args jsonb,
    args_raw bytea,
    durability text not null check (durability in ('outbox', 'redis')),
    state text not null check (state in ('completed', 'dead', 'cancelled')),
    -- Why a job is dead or cancelled, for a person to act on.
    reason text,
    attempts integer not null check (attempts >= 0),
    enqueued_at timestamptz not null,
    run_at timestamptz,
    ended_at timestamptz not null,
    traceparent text,
    check (num_nonnulls(args, args_raw) = 1),
    check ((state = 'completed') = (reason is null))
);

create index jobs_by_state on faena.jobs (state, ended_at desc, id desc);
create index jobs_by_queue_state on faena.jobs (queue, state, ended_at desc, id desc);

-- One row a delivery: a job may be delivered more than once under one attempt number (a drain gives it back uncounted), never
-- twice under one fence.
create table faena.attempts (
    job_id uuid not null,
    epoch bigint not null,
    fence bigint not null,
    attempt integer not null check (attempt > 0),
    worker text not null,
    started_at timestamptz,
    ended_at timestamptz not null,
    outcome text not null check (outcome in ('completed', 'retry', 'throttled', 'dead', 'cancelled', 'released', 'orphaned')),
    error text,
    primary key (job_id, epoch, fence)
);

-- How many jobs ended how, kept by the table itself so that no page counts the ledger.
create table faena.ended_counts (
    queue text not null,
    state text not null,
    total bigint not null,
    primary key (queue, state)
);

create function faena.count_ended() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into faena.ended_counts as c (queue, state, total)
        select queue, state, count(*) from written group by queue, state order by queue, state
        on conflict (queue, state) do update set total = c.total + excluded.total;
    else
        update faena.ended_counts c set total = c.total - gone.total
        from (select queue, state, count(*) as total from written group by queue, state order by queue, state) gone
        where (c.queue, c.state) = (gone.queue, gone.state);
    end if;
    return null;
end $$;

create trigger count_inserted after insert on faena.jobs
    referencing new table as written for each statement execute function faena.count_ended();
create trigger count_deleted after delete on faena.jobs
    referencing old table as written for each statement execute function faena.count_ended();

-- A ledger row is written once; an operator's retry removes it and promises the job anew.
create function faena.refuse_update() returns trigger language plpgsql as $$
begin
    raise exception 'rows of % are written once', tg_table_name;
end $$;
create trigger written_once before update on faena.jobs
    for each row execute function faena.refuse_update();

-- How far the recorder has read each queue's events. Stored in the transaction that writes the ledger, so that an event read
-- twice is recorded once. Redis stream ids are two numbers and compare as numbers, not as text.
create table faena.recorder_positions (
    epoch bigint not null,
    queue text not null,
    position_ms bigint not null default 0,
    position_seq bigint not null default 0,
    primary key (epoch, queue)
);

-- An epoch is one life of the Redis data. A new one is taken whenever Redis has none, so that a fence of an older life, however
-- high, never beats a newer delivery.
create sequence faena.epochs;

-- The effect of a job in Postgres happens once: the handler's transaction claims this row first. A newer (epoch, fence) refuses
-- an older one; done_at ends it. Rows outlive everything that could deliver the job again.
create table faena.effects (
    job_id uuid primary key,
    epoch bigint not null,
    fence bigint not null,
    done_at timestamptz
);

-- What operators asked for. Written first, carried out in Redis afterwards by whoever can reach it; the row is the record of it.
create table faena.commands (
    id bigint generated always as identity primary key,
    job_id uuid not null,
    verb text not null check (verb in ('retry', 'cancel')),
    actor text not null check (length(actor) between 1 and 320),
    asked_at timestamptz not null default clock_timestamp(),
    carried_out_at timestamptz,
    outcome text,
    check ((carried_out_at is null) = (outcome is null))
);
create index commands_open on faena.commands (id) where carried_out_at is null;
create index commands_by_job on faena.commands (job_id, id);

-- What an operator must know and nobody would otherwise say: one row a standing trouble, removed when it is over.
create table faena.notices (
    key text primary key,
    message text not null,
    since timestamptz not null default clock_timestamp(),
    last_at timestamptz not null default clock_timestamp(),
    times bigint not null default 1
);

-- Since when each schedule is watched: ticks before that were never missed.
create table faena.schedules (
    name text primary key,
    watched_from timestamptz not null default clock_timestamp()
);

-- A tick is one row: of any number of workers that see a schedule due, one inserts it, together with the promise of its job.
create table faena.schedule_ticks (
    schedule text not null references faena.schedules (name),
    tick timestamptz not null,
    fired_at timestamptz not null default clock_timestamp(),
    job_id uuid not null,
    primary key (schedule, tick)
);
