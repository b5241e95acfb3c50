-- Courses with their teachers' names and their sizes; whoever includes it says which.
select c.id, c.slug, c.title, c.summary, c.description, c.instructor_id, u.full_name as instructor, c.locale, c.level, c.hours, c.price_minor, c.currency, c.status,
       (select count(*) from school.sections s where s.course_id = c.id) as sections,
       (select count(*) from school.enrolments e where e.course_id = c.id and e.state = 'active') as learners
from school.courses c
join core.users u on u.id = c.instructor_id
