-- Certificates; whoever includes it says which.
select c.id, c.serial, c.user_id, c.course_id, c.revision, c.supersedes, c.completed_at, c.requested_at, c.request_note, c.status_list,
       c.status_index, c.holder_name, c.course_title, c.hours, c.completed_on, c.locale, c.problem, c.unprintable, c.pdf_sha256, c.key_id, c.issued_at,
       c.ended_at, c.ended_as, c.ended_note, c.ended_for_refund
from school.certificates c
