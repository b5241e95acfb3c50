-- Reports: what somebody wants to have as a file, what became of that, and where the file is.

create table core.reports (
    id uuid primary key,
    requested_by bigint not null references core.users on delete cascade,
    kind text not null check (kind in ('daily', 'tickets', 'sla', 'times', 'volumes', 'agents', 'sales')),
    format text not null check (format in ('csv', 'xlsx', 'pdf')),
    -- Both days included, by the clock of `time_zone`. {"from": "2026-09-01", "to": "2026-09-30", "client": 7}
    params jsonb not null check (jsonb_typeof(params) = 'object'),
    -- SHA-256 of what tells two wishes apart.
    params_hash bytea not null check (octet_length(params_hash) = 32),
    locale text not null check (locale in ('es', 'en')),
    time_zone text not null check (time_zone ~ '^[A-Za-z0-9_+/-]{1,64}$'),
    -- Whose tickets are in it: everybody's, or those that whoever asked sees to. Looked at again when it is made.
    scope text not null check (scope in ('everything', 'own')),
    -- The day's own report, made because the morning came; its 09:00, and nothing that anybody asked for.
    daily_at timestamptz,
    job_id uuid not null unique,
    state text not null default 'queued' check (state in ('queued', 'running', 'ready', 'failed', 'cancelled', 'expired')),
    -- Why it has failed: the words for people are in the pages.
    problem text check (problem in ('not_allowed', 'bad_params', 'too_large', 'broken')),
    -- How many rows are written, and of how many where that is known; while it runs as of a moment ago.
    rows bigint not null default 0 check (rows >= 0),
    rows_expected bigint check (rows_expected >= 0),
    -- What it comes to in all: {"opened": 37}. The letter says it.
    figures jsonb not null default '{}' check (jsonb_typeof(figures) = 'object'),
    object_key text unique,
    bytes bigint check (bytes >= 0),
    sha256 bytea check (octet_length(sha256) = 32),
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    -- From then on nobody is given the file, and the next sweep removes it.
    expires_at timestamptz,
    check ((state in ('queued', 'running')) = (finished_at is null)),
    check ((state = 'failed') = (problem is not null)),
    check (state not in ('ready', 'expired') or num_nulls(object_key, bytes, sha256, expires_at) = 0)
);
-- Whoever asks again for what is being made is given that.
create unique index one_live_report on core.reports (requested_by, kind, format, params_hash) where state in ('queued', 'running');
create index reports_by_person on core.reports (requested_by, created_at desc, id desc);
create index reports_by_expiry on core.reports (expires_at, object_key) where state = 'ready';
create index reports_by_end on core.reports (finished_at, id) where state in ('failed', 'cancelled', 'expired');

-- One daily report a person and day, whatever the number of schedulers and however often a morning comes.
create table core.daily_reports (
    user_id bigint not null references core.users on delete cascade,
    -- The day of the morning, by the person's clock; the report tells of the day before.
    day date not null,
    report_id uuid not null references core.reports on delete cascade,
    primary key (user_id, day)
);
create index daily_reports_by_report on core.daily_reports (report_id);

-- What has been sent to the store of files and is nobody's yet. A row is written before its first byte leaves, and goes in the transaction that
-- makes the file a report's. Whatever is left here was left by an attempt that died: it is taken away again.
create table core.report_uploads (
    object_key text primary key,
    report_id uuid not null,
    -- The store's name for an upload in parts. Null: none, or nobody lived to write it down.
    upload_id text check (length(upload_id) between 1 and 1024),
    began_at timestamptz not null default clock_timestamp()
);
create index report_uploads_by_report on core.report_uploads (report_id);
create index report_uploads_by_time on core.report_uploads (began_at, object_key);
