-- Writes a wish, unless the same is being made for the same person.
--   $1 id · $2 person · $3 kind · $4 format · $5 params · $6 their hash · $7 locale · $8 zone · $9 scope · $10 the morning or null · $11 job
insert into core.reports (id, requested_by, kind, format, params, params_hash, locale, time_zone, scope, daily_at, job_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict (requested_by, kind, format, params_hash) where state in ('queued', 'running') do nothing
returning id
