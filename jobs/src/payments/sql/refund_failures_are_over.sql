-- Whether nobody has to look at refunds of a sale that failed: for each as much went back later, or nothing is left to give back.
--   $1 sale
select s.state in ('refunded', 'lost') or not exists (
    select from school.refunds f
    where f.sale_id = s.id and f.state = 'failed'
      and not exists (
          select from school.refunds g
          where g.sale_id = s.id and g.state = 'succeeded' and g.created_at > f.created_at and g.amount_minor >= f.amount_minor
      )
)
from school.sales s
where s.id = $1
