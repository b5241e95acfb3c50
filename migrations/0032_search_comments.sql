-- Comments are searched for with the ticket that they stand under, so that one search looks at one row a ticket: what the client reads stands among the
-- ticket's own words, and what agents note for themselves in a column of its own, which no search by a client's people names.

-- Written by triggers from now on: what is generated cannot read another table. Tables of months follow, and those that are made later.
alter table desk.tickets alter column search drop expression;
alter table desk.tickets add column noted tsvector;

-- The words of so much text stand in a vector at most: Postgres allows it one megabyte, and whoever writes under a ticket rewrites it. Of longer threads the
-- beginning is found.
create function desk.thread_vector(text text) returns tsvector language sql immutable parallel safe
    return desk.search_vector(left(text, 60000), null);

create function desk.write_own_words() returns trigger language plpgsql as $$
begin
    new.search := setweight(desk.search_vector(new.title, null), 'A') || setweight(desk.search_vector(new.description, null), 'B')
        || coalesce((select setweight(desk.thread_vector(string_agg(c.body, E'\n' order by c.id)), 'C') from desk.comments c
            where tg_op = 'UPDATE' and c.ticket_id = new.id and not c.is_internal), '');
    return new;
end $$;
create trigger write_own_words before insert or update of title, description on desk.tickets
    for each row execute function desk.write_own_words();

-- Whatever writes comments, their words go to the ticket in the same statement.
create function desk.add_words_of_comments() returns trigger language plpgsql as $$
begin
    update desk.tickets t
    set search = case when w.said is null or length(t.search) > 20000 then t.search else t.search || setweight(w.said, 'C') end,
        noted = case when w.noted is null or length(t.noted) > 20000 then t.noted else coalesce(t.noted, '') || w.noted end
    from (
        select ticket_id, ticket_created_at,
            desk.thread_vector(string_agg(body, E'\n' order by id) filter (where not is_internal)) as said,
            desk.thread_vector(string_agg(body, E'\n' order by id) filter (where is_internal)) as noted
        from news group by ticket_id, ticket_created_at order by ticket_id
    ) w
    where (t.id, t.created_at) = (w.ticket_id, w.ticket_created_at);
    return null;
exception when program_limit_exceeded then
    -- A vector that is full. What was written is kept, and not found.
    return null;
end $$;
create trigger add_words_of_comments after insert on desk.comments
    referencing new table as news for each statement execute function desk.add_words_of_comments();

-- What has been said until now.
update desk.tickets t
set search = case when w.said is null then t.search else t.search || setweight(w.said, 'C') end, noted = w.noted
from (
    select ticket_id, ticket_created_at,
        desk.thread_vector(string_agg(body, E'\n' order by id) filter (where not is_internal)) as said,
        desk.thread_vector(string_agg(body, E'\n' order by id) filter (where is_internal)) as noted
    from desk.comments group by ticket_id, ticket_created_at
) w
where (t.id, t.created_at) = (w.ticket_id, w.ticket_created_at);
create index tickets_by_notes on desk.tickets using gin (noted) with (fastupdate = off) where noted is not null;
