-- Whoever changes something, the pages that show it hear of it; a change of rules that nobody follows stands in nobody's way; and what is said in the chat
-- leads to the page that it is about.

-- Transactions that changed what the dashboard counts, each once. They are counted, so that a page that was made before one of them is told from one that was
-- made after it: a number that rises with each commit and is taken at none, so that nobody waits for anybody.
create table desk.changes (
    xid xid8 primary key default pg_current_xact_id()
);
-- How many there were that have been counted up and removed.
create table desk.changes_counted (
    is_only_row boolean primary key default true check (is_only_row),
    changes bigint not null check (changes >= 0)
);
insert into desk.changes_counted (changes) values (0);

create function desk.note_change() returns trigger language plpgsql as $$
begin
    -- A statement that met no row has changed nothing.
    if exists (select from touched) then
        insert into desk.changes default values on conflict do nothing;
    end if;
    return null;
end $$;
create trigger note_inserted after insert on desk.tickets referencing new table as touched for each statement execute function desk.note_change();
create trigger note_updated after update on desk.tickets referencing new table as touched for each statement execute function desk.note_change();
create trigger note_deleted after delete on desk.tickets referencing old table as touched for each statement execute function desk.note_change();
create trigger note_inserted after insert on desk.sla_clocks referencing new table as touched for each statement execute function desk.note_change();
create trigger note_updated after update on desk.sla_clocks referencing new table as touched for each statement execute function desk.note_change();
create trigger note_deleted after delete on desk.sla_clocks referencing old table as touched for each statement execute function desk.note_change();

-- How many transactions have changed something so far.
create function desk.generation() returns bigint language sql stable
    return (select counted.changes + (select count(*) from desk.changes) from desk.changes_counted counted);

-- Keeps the table of them short. The number stays as it is.
create function desk.count_changes_up() returns void language sql
begin atomic
    with gone as (
        delete from desk.changes returning 1
    )
    update desk.changes_counted set changes = changes + (select count(*) from gone) where exists (select from gone);
end;

-- The change that was made when nobody followed this one any more: clocks that had not followed it follow that one instead.
alter table desk.rule_changes
    add column superseded_by bigint references desk.rule_changes on delete set null,
    add check (superseded_by is null or finished_at is not null);
create index rule_changes_superseded on desk.rule_changes (superseded_by) where superseded_by is not null;

-- Which page of ours a notice is about, and on which everything of its sort stands: paths.
alter table core.chat_notices
    add column page text check (page ~ '^/[!-~]*$'),
    add column list text check (list ~ '^/[!-~]*$');
