-- Everything that a sale's state is read off.
--   $1 sale
select s.state, s.provider, s.charged_minor, s.expires_at,
       least(coalesce((select sum(r.amount_minor) from school.refunds r where r.sale_id = s.id and r.state = 'succeeded'), 0), s.charged_minor)::bigint as returned_minor,
       s.review_reason is not null and s.review_closed_at is null as in_review,
       exists (
           select from school.ledger_transactions t
           join school.ledger_lines l on l.transaction_id = t.id
           where t.sale_id = s.id and t.kind = 'charge' and l.account = 'suspense'
       ) as in_suspense,
       exists (select from school.disputes d where d.sale_id = s.id and d.state = 'open') as disputed,
       exists (select from school.disputes d where d.sale_id = s.id and d.state = 'lost') as lost
from school.sales s
where s.id = $1
