-- Takes back what is over, and says what was known already.
--   $1 the keys that still stand
with over as (
    delete from faena.notices where (key like 'schedule\_late:%' or key like 'schedule\_refused:%') and key <> all($1)
)
select key from faena.notices where key = any($1)
