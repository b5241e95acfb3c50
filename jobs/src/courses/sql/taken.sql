-- The courses that a person takes, the latest first, and how far they have come in each.
--   $1 person
select c.slug, c.title, u.full_name as instructor, e.state, e.completed_at, count(s.id) as sections, count(p.section_id) as done,
       min(s.position) filter (where p.section_id is null) as next
from school.enrolments e
join school.courses c on c.id = e.course_id
join core.users u on u.id = c.instructor_id
left join school.sections s on s.course_id = c.id
left join school.progress p on p.section_id = s.id and p.user_id = e.user_id
where e.user_id = $1
group by c.id, u.full_name, e.user_id, e.course_id
order by e.enrolled_at desc, c.id
