-- Notes a change of rules at $1 by $2 that touches live tickets of clients with calendar $3, of client $4, of priorities $5 (null: of all), with the
-- calendar as it was before ($6), and counts them.
insert into desk.rule_changes (at, changed_by, calendar_id, client_id, priorities, calendar_before, tickets)
select $1, $2, $3, $4, $5, $6, count(*)
from desk.tickets t
join desk.clients c on c.id = t.client_id
where t.status in ('new', 'open', 'waiting_client') and t.created_at <= $1
    and ($3::bigint is null or c.calendar_id = $3) and ($4::bigint is null or t.client_id = $4) and ($5::text[] is null or t.priority = any ($5))
returning id, at, calendar_id, client_id, priorities, tickets, followed, after_ticket, job_id, false as is_stopped
