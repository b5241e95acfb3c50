-- Every day of a stretch that ends today ($2 days), those without sales as well, in one currency ($1).
select g.day::date as day, coalesce(e.total_ventas, 0) as sales, coalesce(e.bruto_minor, 0) as gross_minor,
    coalesce(e.devuelto_minor, 0) as returned_minor
from generate_series(school.business_day(now()) - $2 + 1, school.business_day(now()), interval '1 day') g (day)
left join school.estadisticas_ventas e on e.dia = g.day::date and e.moneda = $1
order by g.day
