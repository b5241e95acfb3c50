-- The help desk: for whom it works and what it has promised them, what they ask, and how long it may take.

create extension if not exists btree_gist;
create schema desk;

-- When somebody is at work, by the clock of a zone. A row's revision rises with each change of its hours or holidays: clocks remember by which
-- revision their deadlines were worked out.
create table desk.calendars (
    id bigint generated always as identity primary key,
    name text not null unique check (length(name) between 1 and 120),
    -- A zone of the IANA database.
    time_zone text not null check (time_zone ~ '^[A-Za-z0-9_+/-]{1,64}$'),
    -- Day and night, holidays too. It has no hours.
    is_always_open boolean not null default false,
    revision integer not null default 1 check (revision > 0),
    created_at timestamptz not null default now()
);

-- Hours of a week. What goes past midnight is two rows.
create table desk.calendar_hours (
    calendar_id bigint not null references desk.calendars on delete cascade,
    -- ISO 8601: 1 is Monday.
    weekday smallint not null check (weekday between 1 and 7),
    -- Minutes of the day as the clock shows them; closed from `closes_minute` on.
    opens_minute smallint not null check (opens_minute between 0 and 1439),
    closes_minute smallint not null check (closes_minute between 1 and 1440),
    primary key (calendar_id, weekday, opens_minute),
    check (closes_minute > opens_minute),
    exclude using gist (calendar_id with =, weekday with =, int4range(opens_minute, closes_minute) with &&)
);

-- Days on which nobody is there at all.
create table desk.calendar_holidays (
    calendar_id bigint not null references desk.calendars on delete cascade,
    day date not null,
    name text not null check (length(name) between 1 and 120),
    primary key (calendar_id, day)
);

create table desk.clients (
    id bigint generated always as identity primary key,
    name text not null check (length(name) between 1 and 160),
    calendar_id bigint not null references desk.calendars,
    -- What is promised where no policy says anything: a first answer in so many minutes of the calendar.
    response_minutes integer not null default 240 check (response_minutes between 1 and 525600),
    -- What becomes of tickets on days without a contract: they are served as before, they are served without a promise, or they are refused.
    without_contract text not null default 'no_promise' check (without_contract in ('serve', 'no_promise', 'refuse')),
    -- How many tickets it has, and how many of them are not resolved: kept by the table of tickets itself.
    tickets_count bigint not null default 0 check (tickets_count >= 0),
    open_tickets_count bigint not null default 0 check (open_tickets_count between 0 and tickets_count),
    created_at timestamptz not null default now()
);
create index clients_by_name on desk.clients (lower(name));
create index clients_by_calendar on desk.clients (calendar_id);

-- From when until when a client has the right to be served: days of the client's calendar, both included. One at a time.
create table desk.contracts (
    id bigint generated always as identity primary key,
    client_id bigint not null references desk.clients on delete cascade,
    reference text not null check (length(reference) between 1 and 80),
    starts_on date not null,
    -- Null: until somebody ends it.
    ends_on date,
    check (ends_on >= starts_on),
    unique (client_id, reference),
    exclude using gist (client_id with =, daterange(starts_on, ends_on, '[]') with &&)
);
create index contracts_by_end on desk.contracts (ends_on) where ends_on is not null;

-- Which client somebody of the role `client` opens tickets for. Agents and managers are known by their role and serve every client.
create table desk.contacts (
    user_id bigint primary key references core.users on delete cascade,
    client_id bigint not null references desk.clients on delete cascade
);
create index contacts_by_client on desk.contacts (client_id);

-- What is promised for tickets of a priority. Without a client: to every client that has no policy of its own for it.
create table desk.sla_policies (
    id bigint generated always as identity primary key,
    client_id bigint references desk.clients on delete cascade,
    priority text not null check (priority in ('low', 'normal', 'high', 'urgent')),
    -- Minutes of the client's calendar. Null: nothing is promised.
    first_response_minutes integer check (first_response_minutes between 1 and 525600),
    resolution_minutes integer check (resolution_minutes between 1 and 525600),
    -- How long before a deadline it is warned about; with more minutes than the promise has, at once.
    warn_minutes integer not null default 30 check (warn_minutes between 0 and 525600),
    -- How long after it managers are told, as often as there are numbers, each larger than the one before.
    escalate_minutes integer[] not null default '{60}'
        check (cardinality(escalate_minutes) <= 8 and 0 < all (escalate_minutes) and 525600 >= all (escalate_minutes)
            and array_position(escalate_minutes, null) is null),
    -- Whether time stands still while the client is asked something.
    pauses_while_waiting boolean not null default true,
    revision integer not null default 1 check (revision > 0),
    unique nulls not distinct (client_id, priority)
);

-- One row a ticket, in partitions by month (UTC), so that old months can be put away whole. There is no partition for whatever comes: a month that
-- nobody has made is an error at the first ticket, and not a table that can never be divided again. Ids come of the sequence and nowhere else: no
-- index tells two equal ones in different months apart.
create sequence desk.ticket_ids as bigint;
create table desk.tickets (
    id bigint not null default nextval('desk.ticket_ids'),
    created_at timestamptz not null,
    client_id bigint not null references desk.clients,
    title text not null check (length(title) between 1 and 300),
    description text not null check (length(description) between 1 and 20000),
    category text not null default 'other' check (category in ('access', 'hardware', 'network', 'software', 'billing', 'other')),
    tags text[] not null default '{}' check (cardinality(tags) <= 20 and array_position(tags, null) is null),
    priority text not null default 'normal' check (priority in ('low', 'normal', 'high', 'urgent')),
    status text not null default 'new' check (status in ('new', 'open', 'waiting_client', 'resolved', 'closed')),
    created_by bigint not null references core.users,
    assigned_to bigint references core.users on delete set null,
    -- Under which contract it was opened. Null: under none.
    contract_id bigint references desk.contracts on delete set null,
    first_responded_at timestamptz check (first_responded_at >= created_at),
    resolved_at timestamptz check (resolved_at >= created_at),
    closed_at timestamptz check (closed_at >= resolved_at),
    -- How often it was closed and opened again.
    cycle integer not null default 1 check (cycle > 0),
    -- Rises with each change. Who changes a ticket says which they have seen.
    lock_version integer not null default 0 check (lock_version >= 0),
    updated_at timestamptz not null,
    primary key (id, created_at),
    check ((status in ('resolved', 'closed')) = (resolved_at is not null)),
    check ((status = 'closed') = (closed_at is not null))
) partition by range (created_at);
create index tickets_by_client on desk.tickets (client_id, status);
create index tickets_by_assignee on desk.tickets (assigned_to, status);
create index tickets_by_time on desk.tickets (created_at desc, id desc);
create index tickets_by_priority on desk.tickets (priority, status);
create index tickets_by_tag on desk.tickets using gin (tags);

-- Makes the partitions from a month on up to so many months after the present one, and returns how many are new. Made again, it makes none.
create function desk.make_partitions(ahead integer default 3, since date default (now() at time zone 'UTC')::date) returns integer
language plpgsql as $$
declare
    month date;
    name text;
    made integer := 0;
begin
    for month in
        select generate_series(date_trunc('month', since::timestamp), date_trunc('month', now() at time zone 'UTC') + make_interval(months => ahead),
            interval '1 month')::date
    loop
        name := 'tickets_' || to_char(month, 'YYYY_MM');
        if to_regclass('desk.' || name) is null then
            execute format('create table desk.%I partition of desk.tickets for values from (%L) to (%L)', name,
                month::text || ' 00:00+00', (month + interval '1 month')::date::text || ' 00:00+00');
            made := made + 1;
        end if;
    end loop;
    return made;
end $$;
-- A year, so that nothing is urgent where housekeeping does not run yet.
select desk.make_partitions(12);

create table desk.comments (
    id bigint generated always as identity primary key,
    ticket_id bigint not null,
    ticket_created_at timestamptz not null,
    author_id bigint not null references core.users,
    body text not null check (length(body) between 1 and 20000),
    -- For those who work here alone.
    is_internal boolean not null,
    created_at timestamptz not null,
    foreign key (ticket_id, ticket_created_at) references desk.tickets
);
create index comments_by_ticket on desk.comments (ticket_id, created_at, id);

-- How much of a promise's time is used up. Deadlines are worked out when something is written, never when somebody looks, so that the monitor
-- compares instants and knows no calendar. Only what is running or may run again is looked at, so this table is not divided.
create table desk.sla_clocks (
    id bigint generated always as identity primary key,
    ticket_id bigint not null,
    ticket_created_at timestamptz not null,
    promise text not null check (promise in ('first_response', 'resolution')),
    cycle integer not null check (cycle > 0),
    -- By what it was worked out. What the policy said is kept here: a policy that changes changes no clock behind the back of who changes it.
    policy_id bigint references desk.sla_policies on delete set null,
    policy_revision integer check (policy_revision > 0),
    calendar_id bigint not null references desk.calendars,
    calendar_revision integer not null check (calendar_revision > 0),
    -- Seconds of the calendar.
    target_s bigint not null check (target_s > 0),
    warn_s bigint not null check (warn_s >= 0),
    escalate_s bigint[] not null default '{}',
    -- `met` and `missed`: the promise was kept, in time or late. `void`: nothing is promised any more.
    state text not null default 'running' check (state in ('running', 'paused', 'met', 'missed', 'void')),
    started_at timestamptz not null,
    -- Used up by `counted_to`; while it runs, time goes on from there.
    consumed_s bigint not null default 0 check (consumed_s >= 0),
    counted_to timestamptz not null,
    warn_at timestamptz,
    -- While it runs; also when it stands still after the deadline has passed.
    due_at timestamptz,
    escalate_at timestamptz[] not null default '{}',
    -- How far it has come for this deadline: 1 warned about, 2 breached, 3 escalated, 4 escalated again …
    level smallint not null default 0 check (level between 0 and 10),
    -- When it comes further; null: it has come as far as it can, or time stands still.
    next_at timestamptz,
    stopped_at timestamptz,
    unique (ticket_id, promise, cycle),
    foreign key (ticket_id, ticket_created_at) references desk.tickets,
    check (state <> 'running' or num_nulls(warn_at, due_at) = 0),
    check (state = 'running' or next_at is null),
    check ((state in ('met', 'missed', 'void')) = (stopped_at is not null)),
    check (warn_at <= due_at),
    check (cardinality(escalate_at) in (0, cardinality(escalate_s)))
);
-- What the monitor walks: those that have something to say by now stand at its front.
create index sla_clocks_due on desk.sla_clocks (next_at) where state = 'running' and next_at is not null;
create index sla_clocks_by_calendar on desk.sla_clocks (calendar_id) where state in ('running', 'paused');

-- When and why time stood still.
create table desk.sla_pauses (
    clock_id bigint not null references desk.sla_clocks on delete cascade,
    during tstzrange not null check (not isempty(during) and lower(during) is not null),
    reason text not null check (reason in ('waiting_client', 'resolved')),
    exclude using gist (clock_id with =, during with &&)
);

-- What people are told about a deadline: each level once for each deadline, whatever runs twice.
create table desk.alerts (
    id bigint generated always as identity primary key,
    clock_id bigint not null references desk.sla_clocks on delete cascade,
    ticket_id bigint not null,
    level smallint not null check (level between 1 and 10),
    kind text not null generated always as (case level when 1 then 'warning' when 2 then 'breach' else 'escalation' end) stored,
    due_at timestamptz not null,
    -- When it should have been told: later only by the monitor's pace, or by an outage.
    reached_at timestamptz not null,
    created_at timestamptz not null,
    -- The level that was told before it. Those in between passed while nobody looked, and are told with this one.
    after_level smallint not null check (after_level between 0 and 9),
    acknowledged_at timestamptz,
    acknowledged_by bigint references core.users on delete set null,
    unique (clock_id, due_at, level),
    check (after_level < level),
    check (created_at >= reached_at),
    check (acknowledged_by is null or acknowledged_at is not null)
);
create index alerts_open on desk.alerts (created_at desc, id desc) where acknowledged_at is null;
create index alerts_by_time on desk.alerts (created_at desc, id desc);
create index alerts_by_ticket on desk.alerts (ticket_id, id);

-- The counts of each client, changed once a statement and client whatever the number of tickets, in the order of the clients' ids.
create function desk.count_tickets() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        update desk.clients c set tickets_count = c.tickets_count + d.tickets, open_tickets_count = c.open_tickets_count + d.opened
        from (select client_id, count(*) as tickets, count(*) filter (where status not in ('resolved', 'closed')) as opened
              from news group by client_id order by client_id) d
        where c.id = d.client_id;
    elsif tg_op = 'DELETE' then
        update desk.clients c set tickets_count = c.tickets_count - d.tickets, open_tickets_count = c.open_tickets_count - d.opened
        from (select client_id, count(*) as tickets, count(*) filter (where status not in ('resolved', 'closed')) as opened
              from olds group by client_id order by client_id) d
        where c.id = d.client_id;
    else
        update desk.clients c set tickets_count = c.tickets_count + d.tickets, open_tickets_count = c.open_tickets_count + d.opened
        from (select client_id, sum(sign) as tickets, coalesce(sum(sign) filter (where status not in ('resolved', 'closed')), 0) as opened
              from (select client_id, status, 1 as sign from news union all select client_id, status, -1 from olds) counted
              group by client_id order by client_id) d
        where c.id = d.client_id and (d.tickets <> 0 or d.opened <> 0);
    end if;
    return null;
end $$;
create trigger count_inserted after insert on desk.tickets
    referencing new table as news for each statement execute function desk.count_tickets();
create trigger count_deleted after delete on desk.tickets
    referencing old table as olds for each statement execute function desk.count_tickets();
create trigger count_updated after update on desk.tickets
    referencing new table as news old table as olds for each statement execute function desk.count_tickets();
