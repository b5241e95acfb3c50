-- A page of sales, the newest first.
--   $1 state, or all · $2 the last sale of the page before · $3 how many
select s.id, s.state, c.title, u.email::text as email, s.provider, s.amount_minor, s.currency, s.created_at
from school.sales s
join school.courses c on c.id = s.course_id
join core.users u on u.id = s.user_id
where ($1::text is null or s.state = $1)
  and ($2::uuid is null or (s.created_at, s.id) < (select a.created_at, a.id from school.sales a where a.id = $2))
order by s.created_at desc, s.id desc
limit $3
