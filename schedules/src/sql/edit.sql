-- Another definition for a schedule whose row is locked.
--   $1 name  $2 source  $3 expression  $4 time zone  $5 job  $6 args  $7 catch up  $8 within  $9 jitter  $10 settled to  $11 next at  $12 by
update faena.schedules
set source = $2, expression = $3, time_zone = $4, job = $5, args = $6::jsonb, catch_up = $7, within_s = $8, jitter_s = $9,
    settled_to = $10, next_at = $11, edited_by = $12, edited_at = clock_timestamp(), version = version + 1, refused = null,
    deleted_at = null, deleted_by = null
where name = $1
returning version
