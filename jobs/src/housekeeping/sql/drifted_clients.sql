-- Clients whose counts are not those of their tickets, of one moment: what they count, and what there is.
select c.id, c.tickets_count, c.open_tickets_count, coalesce(t.tickets, 0) as tickets, coalesce(t.opened, 0) as opened
from desk.clients c
left join (
    select client_id, count(*) as tickets, count(*) filter (where status not in ('resolved', 'closed')) as opened
    from desk.tickets
    group by client_id
) t on t.client_id = c.id
where (c.tickets_count, c.open_tickets_count) <> (coalesce(t.tickets, 0), coalesce(t.opened, 0))
order by c.id
