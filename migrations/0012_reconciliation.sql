-- The comparison of our books with what the providers say, night by night.

create table school.reconciliations (
    id bigint generated always as identity primary key,
    provider text not null check (provider in ('stripe', 'paypal')),
    -- What was made since then was compared.
    since timestamptz not null,
    started_at timestamptz not null,
    finished_at timestamptz not null default clock_timestamp(),
    -- How many of the provider's pages were looked at, and how many sales were asked about because we had not heard of their money.
    seen integer not null check (seen >= 0),
    asked integer not null check (asked >= 0)
);
create index reconciliations_by_time on school.reconciliations (finished_at desc);

-- What does not agree. Nobody mends it but a person: where money differs, a machine that guesses makes it worse.
create table school.reconciliation_differences (
    provider text not null check (provider in ('stripe', 'paypal')),
    object_ref text not null,
    kind text not null check (kind in ('no_such_sale', 'amount', 'paid_here_only', 'missing_there')),
    sale_id uuid references school.sales,
    -- In the currency's smallest unit, with the currency.
    ours text,
    theirs text,
    first_seen_at timestamptz not null default clock_timestamp(),
    last_seen_at timestamptz not null default clock_timestamp(),
    -- When a later comparison no longer found it.
    resolved_at timestamptz,
    primary key (provider, object_ref, kind)
);
create index differences_open on school.reconciliation_differences (first_seen_at) where resolved_at is null;
