-- Asks for a certificate, unless its serial or its place in the list is taken (chance), or one is on its way.
--   $1 id, $2 serial, $3 person, $4 course, $5 list, $6 place, $7 the one to replace, $8 who asks, $9 the name, $10 why
insert into school.certificates (id, serial, user_id, course_id, revision, supersedes, completed_at, status_list, status_index, requested_by,
    holder_name, request_note)
select $1, $2, e.user_id, e.course_id,
       1 + coalesce((select max(c.revision) from school.certificates c where (c.user_id, c.course_id) = ($3, $4)), 0),
       $7, e.completed_at, $5, $6, $8, $9, $10
from school.enrolments e
where (e.user_id, e.course_id) = ($3, $4) and e.completed_at is not null
on conflict do nothing
returning id
