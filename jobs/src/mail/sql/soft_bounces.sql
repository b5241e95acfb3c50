-- How many letters have come back softly from an address, lately and since an operator last let letters go there again.
--   $1 address · $2 days
select count(distinct b.message_id)
from mail.bounces b
where b.address = $1::citext
  and b.kind = 'soft'
  and b.at > clock_timestamp() - make_interval(days => $2)
  and b.at > coalesce((select max(s.lifted_at) from mail.suppressions s where s.address = $1::citext), '-infinity')
