-- What was sent to the store and is no report's. Whoever makes a report still is left alone with it.
--   $1 before · $2, $3 time and key of the last one seen · $4 how many to look at
select u.began_at as at, u.object_key, u.upload_id from core.report_uploads u
where u.began_at < $1 and (u.began_at, u.object_key) > (coalesce($2, '-infinity'), coalesce($3, ''))
    and not exists (select from core.reports r where r.id = u.report_id and r.state = 'running' and r.started_at > $1)
order by u.began_at, u.object_key
limit $4
