-- Posts a movement with its two lines, unless the ledger has it.
--   $1 sale · $2 provider · $3 kind · $4 the provider's name for it · $5 when · $6 account debited · $7 account credited · $8 currency · $9 amount
with posted as (
    insert into school.ledger_transactions (sale_id, provider, kind, source_ref, effective_at)
    values ($1, $2, $3, $4, $5)
    on conflict (provider, kind, source_ref) do nothing
    returning id
)
insert into school.ledger_lines (transaction_id, account, currency, amount_minor)
select posted.id, line.account, $8, line.amount_minor
from posted
cross join (values ($6::text, $9::bigint), ($7::text, -$9::bigint)) as line (account, amount_minor)
