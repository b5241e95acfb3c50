-- Jobs whose common end something follows.

create table faena.batches (
    id uuid primary key,
    -- What it is about, for people.
    about text not null check (length(about) between 1 and 200),
    begun_at timestamptz not null default clock_timestamp(),
    -- What follows, as in the terms of a job: `success` when all have completed, `death` when the first has died, `end` when all have ended.
    follow_ups jsonb not null check (jsonb_typeof(follow_ups) = 'array' and octet_length(follow_ups::text) <= 262144),
    -- When all had ended. Null again when an operator runs one of them anew.
    ended_at timestamptz,
    -- What has been followed: each is once.
    is_death_followed boolean not null default false,
    is_end_followed boolean not null default false,
    is_success_followed boolean not null default false
);
create index batches_open on faena.batches (id) where ended_at is null;
create index batches_by_begin on faena.batches (begun_at desc, id desc);

-- Its jobs, and how each has ended; null: it has not.
create table faena.batch_jobs (
    job_id uuid primary key,
    batch_id uuid not null references faena.batches on delete cascade,
    state text check (state in ('completed', 'dead', 'cancelled'))
);
create index batch_jobs_by_state on faena.batch_jobs (batch_id, state);
