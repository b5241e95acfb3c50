-- What the page must show of the last $2 days in one currency ($1), course by course, worked out from the double entry alone: Bogotá is five hours behind UTC all year
-- round. A sale is what credited `revenue`; what went back is what `refunds` and `disputes` were debited.
select c.title,
    sum(case when l.account = 'revenue' then 1 else 0 end)::bigint as sales,
    sum(case when l.account = 'revenue' then -l.amount_minor else 0 end)::bigint as gross_minor,
    sum(case when l.account = 'revenue' then 0 else l.amount_minor end)::bigint as returned_minor,
    array_agg(distinct (t.effective_at at time zone 'UTC' - interval '5 hours')::date) as days
from school.ledger_lines l
join school.ledger_transactions t on t.id = l.transaction_id
join school.sales s on s.id = t.sale_id
join school.courses c on c.id = s.course_id
where l.currency = $1 and l.account in ('revenue', 'refunds', 'disputes')
    and t.effective_at at time zone 'UTC' - interval '5 hours' >= (now() at time zone 'UTC' - interval '5 hours')::date - ($2 - 1)
group by c.id
