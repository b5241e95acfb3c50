-- Which certificate a new one is to replace, and the name on it, if what ended last of somebody's for a course ended because the course's money went back. It is the last
-- that was issued: a correction that was not issued yet may have a name that cannot be printed. Nothing, where one counts or is on its way.
--   $1 person, $2 course
with recursive ended as (
    select id, supersedes, issued_at, holder_name, ended_for_refund
    from school.certificates
    where (user_id, course_id) = ($1, $2)
    order by ended_at desc nulls first
    limit 1
), chain as (
    -- From there back to one that was issued; where none ever was, to the first.
    select id, supersedes, issued_at, holder_name from ended where ended_for_refund
    union all
    select c.id, c.supersedes, c.issued_at, c.holder_name
    from chain join school.certificates c on c.id = chain.supersedes
    where chain.issued_at is null
)
select chain.id, coalesce(chain.holder_name, ended.holder_name)
from chain, ended
where chain.issued_at is not null or chain.supersedes is null
