-- Suppresses an address for an operator, and says who did in the audit log.
--   $1 address · $2 why · $3 who
with suppressed as (
    insert into mail.suppressions (address, cause, detail) values ($1::citext, 'operator', $2)
    on conflict (address, (cause = 'complaint')) where lifted_at is null do nothing
    returning id, address, detail
)
insert into core.audit_log (actor_id, action, subject, detail)
select $3, 'suppress_address', 'suppression:' || id, jsonb_build_object('address', address, 'why', detail)
from suppressed
