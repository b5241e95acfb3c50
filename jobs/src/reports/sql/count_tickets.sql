-- How many rows tickets.sql will have.
--   $1 from · $2 until · $3 zone · $4 client or null · $5 agent or null · $6, $7 first and last day
select count(*)
from desk.tickets t
where t.created_at >= $1 and t.created_at < $2 and ($4::bigint is null or t.client_id = $4) and ($5::bigint is null or t.assigned_to = $5)
