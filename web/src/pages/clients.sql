-- A page of clients by their names, each with the contract of today, by its own calendar's clock.
--   $1 words of its name, or all · $2 the last client of the page before · $3 how many
select c.id, c.name, cal.name as calendar, c.open_tickets_count, k.reference as contract, k.ends_on, c.without_contract
from desk.clients c
join desk.calendars cal on cal.id = c.calendar_id
left join desk.contracts k on k.client_id = c.id and (now() at time zone cal.time_zone)::date between k.starts_on and coalesce(k.ends_on, 'infinity')
where ($1::text is null or desk.plain(c.name) like '%' || desk.plain($1) || '%')
  and ($2::bigint is null or (lower(c.name), c.id) > (select lower(a.name), a.id from desk.clients a where a.id = $2))
order by lower(c.name), c.id
limit $3
