-- Those of these deliveries that stood in the ledger before this transaction.
--   $1 job ids · $2 epochs · $3 fences
select job_id, epoch, fence
from unnest($1::uuid[], $2::bigint[], $3::bigint[]) as t (job_id, epoch, fence)
join faena.attempts a using (job_id, epoch, fence)
where a.xmin::text <> (pg_current_xact_id()::xid)::text
