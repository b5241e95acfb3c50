-- Clients by their names, each with the contract of today, by its own calendar's clock.
--   $1 that client alone, or null · $2 words of its name, or null · $3 the last client of the page before, or null · $4 how many
select c.id, c.lock_version as version, c.name, cal.name as calendar, cal.time_zone, c.response_minutes, c.without_contract, k.reference as contract,
    k.ends_on as contract_ends_on, c.tickets_count, c.open_tickets_count, c.created_at
from desk.clients c
join desk.calendars cal on cal.id = c.calendar_id
left join desk.contracts k on k.client_id = c.id and (now() at time zone cal.time_zone)::date between k.starts_on and coalesce(k.ends_on, 'infinity')
where ($1::bigint is null or c.id = $1)
  and ($2::text is null or desk.plain(c.name) like '%' || desk.plain($2) || '%')
  and ($3::bigint is null or (lower(c.name), c.id) > (select lower(a.name), a.id from desk.clients a where a.id = $3))
order by lower(c.name), c.id
limit $4
