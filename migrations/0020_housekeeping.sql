-- Keeping house: what each sweep has removed, and what lets it find that without reading everything.

-- A sweep, by its job: how far it is, so that the next attempt goes on from there, and what it has removed (a dry run: would remove). Each batch
-- is counted in the transaction that removes it.
create table core.sweeps (
    job_id uuid primary key,
    job text not null check (job ~ '^[a-z][a-z0-9_]{0,62}$'),
    dry_run boolean not null,
    -- What is old is told from here, however long the sweep takes.
    began_at timestamptz not null,
    finished_at timestamptz,
    -- The part that it is at, and the last row of it that was looked at.
    part integer not null default 0 check (part >= 0),
    after_at timestamptz,
    after_key text,
    batches bigint not null default 0,
    looked_at bigint not null default 0,
    -- {"sessions": 12003}
    counts jsonb not null default '{}' check (jsonb_typeof(counts) = 'object')
);
create index sweeps_by_time on core.sweeps (began_at desc);

-- Old letters are found by their time; what refers to one must be found when it goes.
create index messages_by_time on mail.messages (created_at, id);
create index bounces_by_letter on mail.bounces (message_id);
create index suppressions_by_letter on mail.suppressions (message_id) where message_id is not null;

-- What has been emptied is not looked at again.
create index payment_events_by_time on school.payment_events (received_at) where octet_length(body) > 0;
