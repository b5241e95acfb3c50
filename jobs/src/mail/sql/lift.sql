-- Lifts a suppression, and says who did in the audit log.
--   $1 its number · $2 who
with lifted as (
    update mail.suppressions
    set lifted_at = clock_timestamp(), lifted_by = $2
    where id = $1 and lifted_at is null
    returning id, address, cause
)
insert into core.audit_log (actor_id, action, subject, detail)
select $2, 'lift_suppression', 'suppression:' || id, jsonb_build_object('address', address, 'cause', cause)
from lifted
