-- What is promised changes while tickets are open: who changes a client says which one they saw, and a change that touches many tickets is followed by
-- their clocks in batches.

-- Rises with each change of a client, its contracts and its people.
alter table desk.clients add column lock_version integer not null default 0 check (lock_version >= 0);

-- A change of calendars, policies or of a client's own terms, and how far the clocks of live tickets follow it. The rules themselves are changed in the
-- transaction that writes the row; time until `at` is counted by the rules before, and time from then on by the new ones.
create table desk.rule_changes (
    id bigint generated always as identity primary key,
    at timestamptz not null,
    changed_by bigint references core.users on delete set null,
    -- Whose tickets may be touched: of clients with that calendar, of that client, of these priorities. Null: of all.
    calendar_id bigint references desk.calendars on delete cascade,
    client_id bigint references desk.clients on delete cascade,
    priorities text[],
    -- The calendar by which their time was counted before, where it is another now:
    -- {"id": 1, "revision": 3, "time_zone": "America/Bogota", "hours": [[1, 540, 1080]], "holidays": ["2026-12-25"]}. Without hours: always open.
    calendar_before jsonb check (jsonb_typeof(calendar_before) = 'object'),
    -- How many live tickets there were, how many have followed, and the last one of them.
    tickets bigint not null check (tickets >= 0),
    followed bigint not null default 0 check (followed >= 0),
    after_ticket bigint not null default 0,
    -- Who follows it. Null: whoever made the change has done it at once.
    job_id uuid,
    finished_at timestamptz
);
-- One at a time, so that nobody has to know what was promised between two of them.
create unique index one_rule_change_at_a_time on desk.rule_changes ((true)) where finished_at is null;
create index rule_changes_by_client on desk.rule_changes (client_id);
create index rule_changes_by_calendar on desk.rule_changes (calendar_id);
