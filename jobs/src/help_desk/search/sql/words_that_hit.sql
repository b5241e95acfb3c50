-- Of the words $1, those that the query $2 (any of its words) is about: as `desk.search_vector` would have it, form by form, which for a thousand words takes a
-- quarter of the time.
select word
from unnest($1::text[]) word
cross join lateral (select desk.plain(word) as plain offset 0) compared
where to_tsvector('pg_catalog.simple', plain) @@ $2::text::tsquery
   or to_tsvector('pg_catalog.spanish', desk.with_endings(plain)) @@ $2::text::tsquery
   or to_tsvector('pg_catalog.english', plain) @@ $2::text::tsquery
