-- The currencies that something was sold in, the one of most sales first.
select moneda from school.estadisticas_ventas group by moneda order by sum(total_ventas) desc, moneda
