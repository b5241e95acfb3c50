-- Nobody has written under a ticket that is just being opened: looking for its comments was half of what its words cost.
create or replace function desk.write_own_words() returns trigger language plpgsql as $$
begin
    new.search := setweight(desk.search_vector(new.title, null), 'A') || setweight(desk.search_vector(new.description, null), 'B');
    if tg_op = 'UPDATE' then
        new.search := new.search || coalesce((select setweight(desk.thread_vector(string_agg(c.body, E'\n' order by c.id)), 'C') from desk.comments c
            where c.ticket_id = new.id and not c.is_internal), '');
    end if;
    return new;
end $$;
