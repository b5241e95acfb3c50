-- What is over for years is put away: tickets with all that stands under them, in tables that no page reads and no monitor walks. A ticket goes whole, in
-- the statement that takes it out of desk; the months that are empty then go too (desk.drop_empty_months). Columns that desk's tables get later are wanted
-- here as well.
create schema archive;

create table archive.tickets (like desk.tickets);
-- Nobody searches here.
alter table archive.tickets drop column search, add column archived_at timestamptz not null default now(), add primary key (id);
create index archived_tickets_by_client on archive.tickets (client_id, id);

create table archive.comments (like desk.comments, primary key (id));
create index archived_comments_by_ticket on archive.comments (ticket_id, id);
create table archive.sla_clocks (like desk.sla_clocks, primary key (id));
create index archived_clocks_by_ticket on archive.sla_clocks (ticket_id, id);
create table archive.sla_pauses (like desk.sla_pauses);
create index archived_pauses_by_clock on archive.sla_pauses (clock_id);
create table archive.alerts (like desk.alerts, primary key (id));
create index archived_alerts_by_ticket on archive.alerts (ticket_id, id);

-- What has been over for longest is found without reading the rest.
create index tickets_by_closing on desk.tickets (closed_at, id) where status = 'closed';

-- Takes away the months that were over by then and have no ticket left, and returns how many. Months ahead are made anew by desk.make_partitions.
create function desk.drop_empty_months(before date) returns integer
language plpgsql as $$
declare
    part regclass;
    is_empty boolean;
    dropped integer := 0;
begin
    for part in
        select c.oid::regclass
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'desk.tickets'::regclass and c.relname ~ '^tickets_\d{4}_\d{2}$'
            and to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= before
        order by c.relname
    loop
        execute format('select not exists (select from %s)', part) into is_empty;
        if is_empty then
            -- Nobody waits for long behind this one: whoever calls says for how long it may wait itself.
            lock table desk.tickets in access exclusive mode;
            execute format('select not exists (select from %s)', part) into is_empty;
        end if;
        if is_empty then
            execute format('alter table desk.tickets detach partition %s', part);
            execute format('drop table %s', part);
            dropped := dropped + 1;
        end if;
    end loop;
    return dropped;
end $$;

-- Files of the store that no row claims, since when that is known. They go after a week: until then somebody may notice that rows are missing.
create table core.unclaimed_files (
    -- As the store orders its keys: by their bytes.
    object_key text collate "C" primary key,
    first_seen_at timestamptz not null default clock_timestamp()
);
