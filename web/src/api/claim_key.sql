-- Claims an idempotency key, unless a request under it was answered within a day. Each claim takes some forgotten ones away, so that the table
-- holds a day.
--   $1 token · $2 key · $3 hash of the request's body · $4 the job that it enqueues
with old as (
    select token_id, key from faena.api_answers
    where answered_at < now() - interval '24 hours' and (token_id, key) <> ($1, $2)
    order by answered_at limit 20
    for update skip locked
), forgotten as (
    delete from faena.api_answers a using old where (a.token_id, a.key) = (old.token_id, old.key)
)
insert into faena.api_answers as a (token_id, key, request_hash, job_id) values ($1, $2, $3, $4)
on conflict (token_id, key) do update
    set request_hash = excluded.request_hash, job_id = excluded.job_id, duplicate_of = null, answered_at = excluded.answered_at
    where a.answered_at < now() - interval '24 hours'
