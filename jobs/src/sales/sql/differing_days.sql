-- The days on which the statistics are not what the ledger's movements come to, oldest first: course by course in what was rolled up, and over all courses in what
-- is shown. A day that a movement has come for since its last roll-up is not compared: it is going to change. Every movement is read once, which takes less than
-- going from day to day by an index.
with told as materialized (
    select day, course_id, currency,
        count(*) filter (where kind = 'charge') as sales,
        coalesce(sum(amount_minor) filter (where kind = 'charge'), 0) as gross_minor,
        count(*) filter (where kind = 'refund') as refunds,
        sum(amount_minor) as net_minor
    from school.sale_movements
    group by day, course_id, currency
), in_all as (
    select day, currency, sum(sales) as sales, sum(gross_minor) as gross_minor, sum(refunds) as refunds, sum(net_minor) as net_minor
    from told
    group by day, currency
), differing as (
    select day
    from told full join (select day, course_id, currency, sales, gross_minor, refunds, gross_minor - returned_minor as net_minor from school.sales_daily) rolled_up
        using (day, course_id, currency)
    where (told.sales, told.gross_minor, told.refunds, told.net_minor)
        is distinct from (rolled_up.sales, rolled_up.gross_minor, rolled_up.refunds, rolled_up.net_minor)
    union
    select day
    from in_all full join (select dia as day, moneda as currency, total_ventas, bruto_minor, devoluciones, neto_minor from school.estadisticas_ventas) shown
        using (day, currency)
    where (in_all.sales, in_all.gross_minor, in_all.refunds, in_all.net_minor)
        is distinct from (shown.total_ventas, shown.bruto_minor, shown.devoluciones, shown.neto_minor)
)
select day from differing where day not in (select c.day from school.changed_days c) order by day
