-- What was put away is found again by its client, by when it was opened and by words of its title; and who of a client hears of a ticket is one rule, for whoever
-- writes one letter and for whoever promises a thousand.

create index archived_tickets_by_time on archive.tickets (created_at desc, id desc);
drop index archive.archived_tickets_by_client;
create index archived_tickets_by_client on archive.tickets (client_id, created_at desc, id desc);
create index archived_tickets_by_spelling on archive.tickets using gin (desk.plain(title) gin_trgm_ops);
create index archived_tickets_by_merger on archive.tickets (merged_into) where merged_into is not null;

-- Who of a client hears of one of its tickets: whoever opened it, or one that goes on in it, or has written under it; where that is none of its people, all of
-- them, twenty at most.
create function desk.ticket_readers(ticket bigint, client bigint, opened_by bigint) returns setof bigint language sql stable parallel safe rows 2 as $$
    with people as materialized (
        select u.id
        from desk.contacts k
        join core.users u on u.id = k.user_id and u.role = 'client' and u.disabled_at is null
        where k.client_id = client
    ), part as materialized (
        select id from people p
        where p.id = opened_by or exists (select from desk.comments c where c.ticket_id = ticket and c.author_id = p.id)
            or exists (select from desk.tickets m where m.merged_into = ticket and m.created_by = p.id)
    )
    select id from part
    union all
    select id from people where not exists (select from part)
    order by id
    limit 20
$$;
