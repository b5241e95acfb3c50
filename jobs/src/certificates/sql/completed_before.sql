-- Who has completed the course of a sale that is open to them, and their certificate that is on its way, if one is. One that waits for a person
-- waits on.
--   $1 sale
select e.user_id, e.course_id, c.id
from school.sales s
join school.enrolments e on (e.user_id, e.course_id) = (s.user_id, s.course_id)
left join school.certificates c
    on (c.user_id, c.course_id) = (e.user_id, e.course_id) and c.issued_at is null and c.ended_at is null and c.problem is null
where s.id = $1 and e.state = 'active' and e.completed_at is not null
