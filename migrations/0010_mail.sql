-- Why a letter is sent, to whom none may go, and what mail servers report of letters that they had taken.

-- A letter's stream: a person may say no to notifications and to broadcasts, never to what they asked for themselves.
alter table mail.messages
    add column stream text not null default 'transactional' check (stream in ('transactional', 'notifications', 'broadcast')),
    -- Why it was kept back when it was about to leave.
    add column withheld_for text
        check (withheld_for in ('hard_bounce', 'soft_bounces', 'complaint', 'operator', 'unsubscribed')),
    drop constraint messages_state_check,
    add constraint messages_state_check check (state in ('queued', 'sending', 'sent', 'unknown', 'failed', 'withheld')),
    add constraint messages_withheld_for_a_reason check ((state = 'withheld') = (withheld_for is not null));
create index messages_by_address on mail.messages (to_address, created_at desc);

-- Streams that a person wants no letters of. No row: they want them.
create table mail.unsubscribed (
    user_id bigint not null references core.users on delete cascade,
    stream text not null check (stream in ('notifications', 'broadcast')),
    at timestamptz not null default clock_timestamp(),
    primary key (user_id, stream)
);

-- Addresses that get no letters until somebody lifts it: none at all, or after a complaint none but transactional ones. Lifted rows stay,
-- so that an address which bounces again and again can be told from one that did so once.
create table mail.suppressions (
    id bigint generated always as identity primary key,
    address citext not null check (length(address) between 3 and 254),
    cause text not null check (cause in ('hard_bounce', 'soft_bounces', 'complaint', 'operator')),
    -- What was seen, for the operator: a server's own words, or their own.
    detail text not null check (length(detail) <= 1000),
    -- The letter that was refused.
    message_id uuid references mail.messages on delete set null,
    created_at timestamptz not null default clock_timestamp(),
    lifted_at timestamptz,
    lifted_by bigint references core.users on delete set null,
    check (lifted_at is not null or lifted_by is null)
);
create unique index suppressions_in_force on mail.suppressions (address, (cause = 'complaint')) where lifted_at is null;
create index suppressions_by_age on mail.suppressions (id desc) where lifted_at is null;

-- What came in about letters that had left, as it came: a message that a mail server piped in, or a provider's event. Kept before it is
-- read, so that what cannot be read yet is not lost.
create table mail.reports (
    id uuid primary key,
    source text not null check (source in ('message', 'webhook')),
    -- The provider's id of the event; for a message, the SHA-256 of its bytes. A report that comes twice is one.
    event_id text not null check (length(event_id) between 1 and 200),
    body bytea not null check (octet_length(body) <= 1048576),
    received_at timestamptz not null default clock_timestamp(),
    read_at timestamptz,
    -- How many bounces and complaints it told of letters of ours.
    found integer check (found >= 0),
    unique (source, event_id),
    check ((read_at is null) = (found is null))
);
create index reports_by_age on mail.reports (received_at);

-- What became of a letter after a server had taken it, or when one refused its address.
create table mail.bounces (
    id bigint generated always as identity primary key,
    message_id uuid not null references mail.messages on delete cascade,
    -- Where it was read, though reports go after a while; null: the server said it to our own worker.
    report_id uuid,
    address citext not null,
    kind text not null check (kind in ('soft', 'hard', 'complaint')),
    -- The enhanced status code (RFC 3463), where one was given.
    status text check (length(status) <= 20),
    detail text not null check (length(detail) <= 1000),
    at timestamptz not null default clock_timestamp()
);
create index bounces_by_address on mail.bounces (address, at desc);
-- A report is read once, and a letter is told of once in it.
create unique index bounces_once_a_report on mail.bounces (report_id, message_id) where report_id is not null;
create unique index bounces_once_a_letter on mail.bounces (message_id, kind) where report_id is null;
