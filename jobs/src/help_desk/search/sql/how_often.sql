-- How many tickets have each of the words $1, of what client $2 may see (null: everything); of more than two hundred nobody asks.
select word, (select count(*) from (
    select from desk.tickets t
    where (t.search @@ plainto_tsquery('pg_catalog.simple', word) or ($2::bigint is null and t.noted @@ plainto_tsquery('pg_catalog.simple', word)))
        and ($2::bigint is null or t.client_id = $2)
    limit 200
) few) as times
from unnest($1::text[]) word
