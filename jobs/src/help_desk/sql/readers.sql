-- Who of client $2 hears of its ticket $1, which $3 opened: whoever opened it, or one that goes on in it, or has written under it; where that is none of its
-- people, all of them, $4 at most.
with people as materialized (
    select u.id
    from desk.contacts k
    join core.users u on u.id = k.user_id and u.role = 'client' and u.disabled_at is null
    where k.client_id = $2
), part as materialized (
    select id from people p
    where p.id = $3 or exists (select from desk.comments c where c.ticket_id = $1 and c.author_id = p.id)
        or exists (select from desk.tickets m where m.merged_into = $1 and m.created_by = p.id)
)
select id from part
union all
select id from people where not exists (select from part)
order by id
limit $4
