-- The account of an address, unless it is closed, and the number of the next letter about its password.
--   $1 address
select u.id,
       coalesce(
           (
               select max(split_part(m.dedupe_key, ':', 3)::integer) + 1
               from mail.messages m
               where m.user_id = u.id and m.dedupe_key ~ '^password_reset:[0-9]+:[0-9]{1,8}$'
           ),
           0
       ) as number
from core.users u
where u.email = $1::citext and u.disabled_at is null
