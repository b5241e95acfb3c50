-- A page of accounts by their addresses, each with the client for whom its person opens tickets.
--   $1 role, or all · $2 whether closed, or all · $3 a part of the name or the address, or blank · $4 the last address of the page before · $5 how many
select u.id, u.email::text as email, u.full_name, u.role, u.time_zone, c.name as client, u.disabled_at
from core.users u
left join desk.contacts k on k.user_id = u.id
left join desk.clients c on c.id = k.client_id
where ($1::text is null or u.role = $1)
  and ($2::boolean is null or (u.disabled_at is not null) = $2)
  -- Blanks stand for punctuation on both sides, so that nothing typed means something in a pattern.
  and (btrim(desk.plain($3)) = '' or desk.plain(u.full_name || ' ' || u.email::text) like '%' || btrim(desk.plain($3)) || '%')
  and u.email > $4::citext
order by u.email
limit $5
