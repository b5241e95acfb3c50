-- Chat: what is to be said in which channel, and which channels nobody can be reached by any more.

-- A channel's webhook is a secret, and so a setting of the workers (SLACK_WEBHOOKS). Here stands what we have learned about it.
create table core.chat_channels (
    name text primary key check (name ~ '^[a-z][a-z0-9_-]{0,39}$'),
    -- Slack asked for quiet until then (429).
    quiet_until timestamptz,
    -- Slack says that the webhook is dead. It is tried again when the setting has another one, or somebody tries it.
    disabled_at timestamptz,
    disabled_for text check (length(disabled_for) <= 500),
    -- SHA-256 of the webhook that is dead: it tells another one from it, and opens nothing.
    disabled_webhook bytea check (octet_length(disabled_webhook) = 32),
    check (num_nulls(disabled_at, disabled_for, disabled_webhook) in (0, 3))
);

-- A notice, once for its key. Slack cannot promise "exactly once": the row says `sending` before the message leaves, and a lost answer leaves `unknown`.
create table core.chat_notices (
    id bigint generated always as identity primary key,
    channel text not null references core.chat_channels,
    key text not null check (length(key) between 1 and 200),
    text text not null check (length(text) between 1 and 3000),
    -- Worth arriving twice: said once more, as a possible duplicate, when nobody knows whether it arrived.
    is_urgent boolean not null default false,
    state text not null default 'waiting' check (state in ('waiting', 'sending', 'sent', 'unknown', 'refused')),
    -- How often it left, or may have.
    sends integer not null default 0 check (sends >= 0),
    -- The job whose message it stood in: notices of a storm share one.
    job_id uuid,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    unique (channel, key)
);
create index chat_notices_open on core.chat_notices (channel, id) where state in ('waiting', 'sending');
create index chat_notices_by_time on core.chat_notices (created_at, id);

-- What every operator is told by letter, in both languages.
create table core.operator_notices (
    id bigint generated always as identity primary key,
    subject_es text not null check (length(subject_es) between 1 and 90),
    subject_en text not null check (length(subject_en) between 1 and 90),
    es text not null check (length(es) between 1 and 2000),
    en text not null check (length(en) between 1 and 2000),
    -- The page that it is about, of ours.
    path text not null check (path ~ '^/[!-~]*$'),
    at timestamptz not null default clock_timestamp()
);
