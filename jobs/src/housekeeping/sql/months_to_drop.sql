-- How many months that were over by $1 have a partition of tickets and no ticket in it: what desk.drop_empty_months would take away, asked without its locks.
with months as (
    select case when c.relname ~ '^tickets_\d{4}_\d{2}$' then to_date(right(c.relname, 7), 'YYYY_MM')::timestamp end as begins
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'desk.tickets'::regclass
)
select count(*)
from months m
where m.begins + interval '1 month' <= least($1, now())::date
    and not exists (
        select from desk.tickets t
        where t.created_at >= m.begins at time zone 'UTC' and t.created_at < (m.begins + interval '1 month') at time zone 'UTC'
    )
