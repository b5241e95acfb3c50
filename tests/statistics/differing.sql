-- How many days are not what the double entry comes to, worked out in another way than the statistics are: Bogotá is five hours behind UTC all year round; income is
-- what `revenue` was credited, and what `refunds` and `disputes` were debited is taken off it.
with days as (
    select date_trunc('day', t.effective_at at time zone 'UTC' - interval '5 hours')::date as day, l.currency,
        sum(case account when 'revenue' then 1 else 0 end) as sales, sum(case account when 'revenue' then -amount_minor else 0 end) as gross,
        sum(case when account = 'refunds' and kind = 'refund' then 1 else 0 end) as refunds, sum(case account when 'revenue' then 0 else amount_minor end) as back
    from school.ledger_lines l
    join school.ledger_transactions t on t.id = l.transaction_id
    where account in ('revenue', 'refunds', 'disputes')
    group by 1, 2
)
select count(*)
from days
full join school.estadisticas_ventas on (dia, moneda) = (day, currency)
where (sales, gross, refunds, back) is distinct from (total_ventas, bruto_minor, devoluciones, devuelto_minor)
