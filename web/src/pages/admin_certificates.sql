-- Certificates, the newest first.
--   $1 serial, $2 address or beginning of a name (blank: everybody's), $3 the last of the page before, $4 how many, $5 only those that cannot
--   be issued
select c.id, c.serial, coalesce(c.holder_name, u.full_name) as holder, u.email::text as email, coalesce(c.course_title, k.title) as course,
       c.requested_at, c.issued_at, c.ended_as, c.problem
from school.certificates c
join core.users u on u.id = c.user_id
join school.courses k on k.id = c.course_id
where ($2::text = '' or c.serial = $1 or u.email = $2::text::citext
       or starts_with(lower(coalesce(c.holder_name, u.full_name)), lower($2::text)))
  and (not $5 or (c.problem is not null and c.ended_at is null))
  and ($3::uuid is null or (c.requested_at, c.id) < (select p.requested_at, p.id from school.certificates p where p.id = $3))
order by c.requested_at desc, c.id desc
limit $4
