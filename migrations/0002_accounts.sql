-- People, their sessions, what they did, and the letters sent to them.

create extension if not exists citext;
create schema core;
create schema mail;

create table core.users (
    id bigint generated always as identity primary key,
    email citext not null unique check (length(email) between 3 and 254),
    full_name text not null check (length(full_name) between 1 and 200),
    role text not null check (role in ('learner', 'instructor', 'agent', 'manager', 'client', 'operator', 'admin')),
    locale text not null default 'es' check (locale in ('es', 'en')),
    time_zone text not null default 'America/Bogota',
    password_hash text not null,
    email_verified_at timestamptz,
    disabled_at timestamptz,
    created_at timestamptz not null default now()
);

-- The row behind each session. The cache in front of it may vanish; nobody is logged out by that. Only the hash of the session's
-- id is stored: a copy of this table opens no account.
create table core.sessions (
    id_hash bytea primary key check (octet_length(id_hash) = 32),
    user_id bigint references core.users on delete cascade,
    data jsonb not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index sessions_by_user on core.sessions (user_id);
create index sessions_by_expiry on core.sessions (expires_at);

create table core.audit_log (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    actor_id bigint references core.users on delete set null,
    action text not null,
    subject text not null,
    detail jsonb not null default '{}'
);
create index audit_log_by_subject on core.audit_log (subject, id desc);

-- One row a letter. SMTP cannot promise "exactly once", so the row says `sending` before the letter's body leaves, and a lost
-- reply leaves the honest answer `unknown`. A repeat goes out under the same message_id, so that a reader's mail program may drop it.
create table mail.messages (
    id uuid primary key,
    -- What makes two requests the same letter, for example `welcome:42:0`.
    dedupe_key text not null unique,
    letter text not null,
    locale text not null check (locale in ('es', 'en')),
    to_address citext not null,
    user_id bigint references core.users on delete set null,
    message_id text not null unique,
    state text not null default 'queued' check (state in ('queued', 'sending', 'sent', 'unknown', 'failed')),
    -- How often its body was handed to a server, or may have been.
    sends integer not null default 0 check (sends >= 0),
    smtp_code integer,
    -- The server's own words, for the operator.
    smtp_reply text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    sent_at timestamptz,
    check ((state = 'sent') = (sent_at is not null))
);
create index messages_by_user on mail.messages (user_id, created_at desc);
create index messages_unsure on mail.messages (updated_at) where state in ('sending', 'unknown');
