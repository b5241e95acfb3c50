-- Reports whose file nobody is given any more.
--   $1 before · $2, $3 time and key of the last one seen · $4 how many to look at
select expires_at as at, object_key, null::text as upload_id from core.reports
where state = 'ready' and expires_at < $1 and (expires_at, object_key) > (coalesce($2, '-infinity'), coalesce($3, ''))
order by expires_at, object_key
limit $4
