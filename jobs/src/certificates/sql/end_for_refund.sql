-- Revokes what was issued of the course of a sale ($1), and what would replace it, where the school will have it so. A first one that is on its way stays: it is
-- issued only if the course is opened again.
update school.certificates c
set ended_at = clock_timestamp(), ended_as = 'revoked', ended_for_refund = true, problem = null, unprintable = ''
from school.sales s, school.settings decided
where s.id = $1 and (c.user_id, c.course_id) = (s.user_id, s.course_id)
    and c.ended_at is null and (c.issued_at is not null or c.supersedes is not null)
    and decided.certificates_after_refund = 'revoke'
returning c.id, c.status_list, c.issued_at is not null
