-- The tables of the months of tickets, the newest first.
select i.inhrelid::regclass::text
from pg_inherits i
join pg_class c on c.oid = i.inhrelid
where i.inhparent = 'desk.tickets'::regclass
order by (regexp_match(pg_get_expr(c.relpartbound, c.oid), $$FROM \('([^']+)'\)$$))[1]::timestamptz desc
