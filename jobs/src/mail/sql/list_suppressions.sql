-- Suppressions in force, the newest first.
--   $1 part of an address, or empty · $2 only older than this number · $3 how many at most
select s.id, s.address::text as address, s.cause, s.detail, s.created_at,
       (select count(*) from mail.suppressions b where b.address = s.address and b.lifted_at is not null) as lifted_before
from mail.suppressions s
where s.lifted_at is null
  and ($1 = '' or position(lower($1) in lower(s.address::text)) > 0)
  and ($2::bigint is null or s.id < $2)
order by s.id desc
limit $3
