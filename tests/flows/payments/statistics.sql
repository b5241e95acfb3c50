-- What two years of movements come to, worked out from the double entry alone and in another way than the statistics are: the business is so far ($1)
-- from UTC all year round; income is what `revenue` was credited, and what `refunds` and `disputes` were debited is taken off it.
with lines as (
    select date_trunc('day', t.effective_at at time zone 'UTC' + $1::text::interval)::date as day, l.currency, t.kind, l.account, l.amount_minor
    from school.ledger_lines l
    join school.ledger_transactions t on t.id = l.transaction_id
)
select day, currency,
    (select count(*) from lines c where (c.day, c.currency, c.account) = (lines.day, lines.currency, 'revenue')) as sales,
    sum(case when account = 'revenue' then -amount_minor else 0 end)::bigint as gross_minor,
    sum(case when account = 'refunds' and kind = 'refund' then 1 else 0 end)::bigint as refunds,
    sum(case when account in ('refunds', 'disputes') then amount_minor else 0 end)::bigint as returned_minor
from lines
where account in ('revenue', 'refunds', 'disputes')
group by day, currency
order by day, currency
