-- What a job asks of the engine beyond its lane and its time: limits, a tenant, an expiry, uniqueness, what follows it. One document, which
-- travels unchanged from the promise into Redis and with the end into the ledger, so that a retry asks the same again.
alter table faena.outbox add column terms jsonb check (jsonb_typeof(terms) = 'object' and octet_length(terms::text) <= 262144);
alter table faena.jobs add column terms jsonb;

-- What limits allow. A worker writes down at its start what the code says; what an operator sets stands beside it and counts before it.
-- A row of one value of the limit's argument (`chat:C17`) has the operator's bounds alone. Redis is told within a second.
create table faena.limits (
    word text primary key check (length(word) <= 200 and word ~ '^[a-z][a-z0-9_]{0,39}(:[!-~]+)?$'),
    lane text,
    code jsonb,
    operator jsonb,
    set_by text check (length(set_by) between 1 and 320),
    set_at timestamptz,
    check (num_nonnulls(code, operator) > 0),
    check (num_nulls(operator, set_by, set_at) in (0, 3))
);

-- Kinds of jobs and tenants whose jobs wait until somebody resumes them; those that run go on.
create table faena.pauses (
    what text primary key check (length(what) <= 400 and what ~ '^(job|tenant):[!-~]+$'),
    paused_at timestamptz not null default clock_timestamp(),
    paused_by text not null check (length(paused_by) between 1 and 320)
);
