-- What operators are told of though they are not looking.

-- Each standing notice (faena.notices) once, until it clears.
create table core.told_notices (
    key text primary key,
    -- Which time of its standing they were told of.
    since timestamptz not null,
    told_at timestamptz not null default clock_timestamp(),
    -- When it had cleared. One that comes and goes is not told again at once.
    over_at timestamptz
);

-- How attempts had gone by then, lane by lane, as Redis counts them: two of them tell how they went in between.
create table core.attempt_samples (
    lane text not null,
    at timestamptz not null,
    succeeded bigint not null check (succeeded >= 0),
    failed bigint not null check (failed >= 0),
    primary key (lane, at)
);
