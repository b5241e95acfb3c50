-- Tickets that should not have been, tickets that are closed by themselves, tickets by their deadlines; and no two clients of one name.

-- A ticket that is none ends as void: it is closed without having been solved, and nothing that was promised for it counts. One that is another's duplicate
-- may say with which one of the same client's it goes on.
alter table desk.tickets
    add column void_reason text check (void_reason in ('spam', 'duplicate', 'mistake')),
    add column merged_into bigint,
    add constraint void_is_closed check (void_reason is null or status = 'closed'),
    add constraint merged_is_duplicate check (merged_into is null or (void_reason = 'duplicate' and merged_into <> id));
create index tickets_by_merger on desk.tickets (merged_into) where merged_into is not null;
alter table archive.tickets add column void_reason text, add column merged_into bigint;

-- What has been solved for longest is found without reading the rest; and what is to be done, whatever the number of tickets that are over.
create index tickets_by_resolution on desk.tickets (resolved_at, id) where status = 'resolved';
create index tickets_live on desk.tickets (created_at desc, id desc) where status in ('new', 'open', 'waiting_client');

-- A client's name as it is compared: no accents, small letters, single blanks for punctuation.
create function desk.plain_name(name text) returns text language sql immutable strict parallel safe
    return btrim(regexp_replace(desk.plain(name), '\s+', ' ', 'g'));
-- Of those that were called alike until now, all but the first get their number behind their name.
update desk.clients c set name = left(c.name, 140) || ' (' || c.id || ')'
where exists (select from desk.clients first where desk.plain_name(first.name) = desk.plain_name(c.name) and first.id < c.id);
create unique index clients_one_name on desk.clients (desk.plain_name(name));
