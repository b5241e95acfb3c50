-- Takes back our notices of what is no longer so.
--   $1 keys of what is
delete from faena.notices
where (key = 'dead_jobs' or key like 'waiting:%' or key like 'failures:%') and key <> all ($1::text[])
