-- The days on which the statistics are not what the ledger's movements come to, oldest first. A day that a movement has come for since its last
-- roll-up is not compared: it is going to change.
with told as (
    select day, currency,
        count(*) filter (where kind = 'charge') as sales,
        coalesce(sum(amount_minor) filter (where kind = 'charge'), 0) as gross_minor,
        count(*) filter (where kind = 'refund') as refunds,
        sum(amount_minor) as net_minor
    from school.sale_movements
    group by day, currency
), courses as (
    select day, currency, sum(sales) as sales, sum(gross_minor) as gross_minor, sum(refunds) as refunds, sum(gross_minor - returned_minor) as net_minor
    from school.sales_daily
    group by day, currency
)
select distinct day
from told
full join courses using (day, currency)
full join (select dia as day, moneda as currency, total_ventas, bruto_minor, devoluciones, neto_minor from school.estadisticas_ventas) shown
    using (day, currency)
where ((told.sales, told.gross_minor, told.refunds, told.net_minor)
        is distinct from (courses.sales, courses.gross_minor, courses.refunds, courses.net_minor)
    or (told.sales, told.gross_minor, told.refunds, told.net_minor)
        is distinct from (shown.total_ventas, shown.bruto_minor, shown.devoluciones, shown.neto_minor))
    and day not in (select c.day from school.sales_changes c)
order by day
