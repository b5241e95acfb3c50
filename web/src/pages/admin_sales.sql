-- A page of sales, the newest first. Whatever has become of a sale's money: until somebody has looked, it is in review, too.
--   $1 state, or all · $2 the last sale of the page before · $3 how many
select s.id, s.state, c.title, u.email::text as email, s.provider, s.amount_minor, s.currency, s.created_at,
       s.state <> 'review' and s.review_reason is not null and s.review_closed_at is null as is_in_review
from school.sales s
join school.courses c on c.id = s.course_id
join core.users u on u.id = s.user_id
where ($1::text is null or s.state = $1 or ($1 = 'review' and s.review_reason is not null and s.review_closed_at is null))
  and ($2::uuid is null or (s.created_at, s.id) < (select a.created_at, a.id from school.sales a where a.id = $2))
order by s.created_at desc, s.id desc
limit $3
