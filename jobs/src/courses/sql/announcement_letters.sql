-- How many letters of each announcement have left, and how many were kept back.
--   $1 announcements
select a.id, count(*) filter (where m.state = 'sent') as sent, count(*) filter (where m.state = 'withheld') as withheld
from unnest($1::bigint[]) as a (id)
join mail.messages m on m.letter = 'course_announcement' and split_part(m.dedupe_key, ':', 2) = a.id::text
group by a.id
