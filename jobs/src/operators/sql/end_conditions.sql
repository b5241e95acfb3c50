-- Takes back our notices of what is no longer so.
--   $1 keys of what is
delete from faena.notices
where (key in ('dead_jobs', 'months', 'recorder') or key like 'waiting:%' or key like 'failures:%' or key like 'dying:%' or key like 'missed:%') and key <> all ($1::text[])
