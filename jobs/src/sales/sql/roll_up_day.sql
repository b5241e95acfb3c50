-- Works a day ($1) out anew, from all of its movements; a line that none of them accounts for goes. A day at a time: of an unknown number of days
-- Postgres would expect so many movements that it reads every sale there is.
with fresh as (
    select m.day, m.course_id, m.currency,
        count(*) filter (where m.kind = 'charge') as sales,
        coalesce(sum(m.amount_minor) filter (where m.kind = 'charge'), 0) as gross_minor,
        count(*) filter (where m.kind = 'refund') as refunds,
        coalesce(-sum(m.amount_minor) filter (where m.kind <> 'charge'), 0) as returned_minor
    from school.sale_movements m
    -- By instants, which have an index; days have none. An hour more on either side: somewhere clocks are set back at midnight.
    where m.effective_at >= school.day_begins($1) - interval '1 hour' and m.effective_at < school.day_begins($1 + 1) + interval '1 hour' and m.day = $1
    group by m.day, m.course_id, m.currency
), gone as (
    delete from school.sales_daily d
    where d.day = $1 and not exists (select from fresh f where (f.course_id, f.currency) = (d.course_id, d.currency))
)
insert into school.sales_daily as d (day, course_id, currency, sales, gross_minor, refunds, returned_minor)
select day, course_id, currency, sales, gross_minor, refunds, returned_minor from fresh
on conflict (day, course_id, currency) do update
set sales = excluded.sales, gross_minor = excluded.gross_minor, refunds = excluded.refunds, returned_minor = excluded.returned_minor
