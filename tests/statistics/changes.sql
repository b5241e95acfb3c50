-- Money of $1 sales goes back, each a movement that is posted as a worker posts it: of the last hours ($2 = 0), or strewn over the last $2 days. $3 tells one turn from another.
with chosen as materialized (
    select s.id, s.provider, s.currency, row_number() over (order by s.id) as place
    from school.sales s
    where s.id in (select lpad(to_hex(1 + k * ($4::bigint / $1::bigint)), 32, '0')::uuid from generate_series(0, $1::bigint - 1) k)
), posted as (
    insert into school.ledger_transactions (sale_id, provider, kind, source_ref, effective_at)
    select id, provider, 'refund', $3 || id, now() - interval '1 minute' - interval '1 day' * (place % greatest($2::bigint, 1)) from chosen
    returning id, sale_id
)
insert into school.ledger_lines (transaction_id, account, currency, amount_minor)
select p.id, l.account, c.currency, l.amount from posted p join chosen c on c.id = p.sale_id, (values ('refunds', 1), ('clearing', -1)) l (account, amount)
