-- Announcements with their authors' names; whoever includes it says which.
select a.id, a.course_id, u.full_name as author, a.title, a.body, a.created_at, a.letters
from school.announcements a
join core.users u on u.id = a.author_id
