-- Another password, the end of every session, and a line in the audit log. The link came by mail: the address is theirs.
--   $1 whose · $2 the password's hash
with changed as (
    update core.users
    set password_hash = $2, email_verified_at = coalesce(email_verified_at, now())
    where id = $1
    returning id
), ended as (
    delete from core.sessions s using changed where s.user_id = changed.id
)
insert into core.audit_log (actor_id, action, subject)
select id, 'reset_password', 'user:' || id
from changed
