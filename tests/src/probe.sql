-- Where the probe's jobs leave their traces, for the tests to judge by.
create schema probe;
-- One row an effect: the primary key is absent on purpose, so that an effect that happened twice is seen.
create table probe.effects (n bigint not null, job_id uuid not null, at timestamptz not null default clock_timestamp());
-- One row a passage through a gate: from when to when, by the job's own clock; `ended` moves on while it lasts.
create table probe.passes (n bigint not null, job_id uuid not null, gate text not null, claimed timestamptz not null, began timestamptz not null, ended timestamptz not null);
-- One row a handler that began.
create table probe.starts (n bigint not null, job_id uuid not null, attempt integer not null, pid integer not null, at timestamptz not null default clock_timestamp());
-- The processes that jobs have started.
create table probe.children (job_id uuid not null, pid integer not null);
