-- A page of tickets that were put away, the youngest first.
--   $1 client, or all · $2 and $3 opened from which day to which, in zone $4, each or always · $5 the last ticket of the page before · $6 how many · from $7 on
--   words, each of which its title has
select t.id, t.title, c.name as client, t.status, t.void_reason is not null as is_void, u.full_name as assignee, t.created_at, t.closed_at
from archive.tickets t
join desk.clients c on c.id = t.client_id
left join core.users u on u.id = t.assigned_to
where ($1::bigint is null or t.client_id = $1)
  and ($2::date is null or t.created_at >= $2::timestamp at time zone $4)
  and ($3::date is null or t.created_at < ($3::date + 1)::timestamp at time zone $4)
  and ($5::bigint is null or (t.created_at, t.id) < (select a.created_at, a.id from archive.tickets a where a.id = $5))
  {words}
order by t.created_at desc, t.id desc
limit $6
