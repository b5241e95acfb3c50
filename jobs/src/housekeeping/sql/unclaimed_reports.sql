-- Which of the files $1 are no report's and nobody's who makes one: a file is noted before its first byte leaves, and the note goes in the transaction that
-- makes it a report's. What is not named as ours are is left alone.
select listed.key
from unnest($1::text[]) as listed (key)
where listed.key ~ '^reports/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f]{32}\.(csv|xlsx|pdf)$'
    and not exists (select from core.reports r where r.object_key = listed.key and r.state <> 'expired')
    and not exists (select from core.report_uploads u where u.object_key = listed.key)
