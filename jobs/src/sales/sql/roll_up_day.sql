-- Works a day ($1) out anew, from all of its movements. The ledger only grows, so a line of a day is never to be taken away. A day at a time: of an
-- unknown number of days Postgres would expect so many movements that it reads every sale there is.
insert into school.sales_daily as d (day, course_id, currency, sales, gross_minor, refunds, returned_minor)
select m.day, m.course_id, m.currency,
    count(*) filter (where m.kind = 'charge'),
    coalesce(sum(m.amount_minor) filter (where m.kind = 'charge'), 0),
    count(*) filter (where m.kind = 'refund'),
    coalesce(-sum(m.amount_minor) filter (where m.kind <> 'charge'), 0)
from school.sale_movements m
-- By instants, which have an index; days have none.
where m.effective_at >= $1::date::timestamp at time zone 'America/Bogota'
    and m.effective_at < ($1::date + 1)::timestamp at time zone 'America/Bogota'
group by m.day, m.course_id, m.currency
on conflict (day, course_id, currency) do update
set sales = excluded.sales, gross_minor = excluded.gross_minor, refunds = excluded.refunds, returned_minor = excluded.returned_minor
