-- Makes the file the report's own: it is nobody's upload any more.
--   $1 report · $2 rows · $3 figures · $4 key · $5 bytes · $6 SHA-256 · $7 kept for
with ready as (
    update core.reports
    set state = 'ready', rows = $2, figures = $3, object_key = $4, bytes = $5, sha256 = $6, finished_at = now(), expires_at = now() + $7
    where id = $1 and state = 'running'
    returning object_key
), known as (
    delete from core.report_uploads u using ready where u.object_key = ready.object_key
)
select from ready
