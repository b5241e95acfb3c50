-- Takes the days that movements have come for and works each of them out anew, from all of its movements; answers how many days. The ledger only
-- grows, so a line of a day is never to be taken away.
with taken as (
    delete from school.sales_changes returning day
), days as (
    select distinct day from taken
), rolled as (
    insert into school.sales_daily as d (day, course_id, currency, sales, gross_minor, refunds, returned_minor)
    select m.day, m.course_id, m.currency,
        count(*) filter (where m.kind = 'charge'),
        coalesce(sum(m.amount_minor) filter (where m.kind = 'charge'), 0),
        count(*) filter (where m.kind = 'refund'),
        coalesce(-sum(m.amount_minor) filter (where m.kind <> 'charge'), 0)
    from days
    -- By instants, which have an index; days have none.
    join school.sale_movements m on m.effective_at >= days.day::timestamp at time zone 'America/Bogota'
        and m.effective_at < (days.day + 1)::timestamp at time zone 'America/Bogota'
    group by m.day, m.course_id, m.currency
    on conflict (day, course_id, currency) do update
    set sales = excluded.sales, gross_minor = excluded.gross_minor, refunds = excluded.refunds, returned_minor = excluded.returned_minor
)
select count(*) from days
