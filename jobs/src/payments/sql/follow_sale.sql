-- Gives a person the access to a course that their sale gives; none by a sale whose money is no income.
--   $1 sale · $2 access
insert into school.enrolments as e (user_id, course_id, sale_id, state)
select s.user_id, s.course_id, s.id, $2
from school.sales s
where s.id = $1
  and not exists (
      select from school.ledger_transactions t
      join school.ledger_lines l on l.transaction_id = t.id
      where t.sale_id = s.id and t.kind = 'charge' and l.account = 'suspense'
  )
on conflict (user_id, course_id) do update set state = excluded.state, sale_id = excluded.sale_id
where (excluded.state = 'active' or e.sale_id = excluded.sale_id or e.state = 'revoked')
  and (e.state, e.sale_id) is distinct from (excluded.state, excluded.sale_id)
