-- Published articles that somebody may read: those that hold what is asked for, the closest first, or else the latest first; or one of them, with what it says.
--   $1 client (null: whoever works here) · $2 terms, or null · $3 of that language alone, or null · $4, $5, $6 rank, time and number of the last article of the
--   page before, or null · $7 the one of that number, $8 or of that name, or null · $9 of two of one name the one in that language, or null · $10 how many
with asked as materialized (
    select desk.search_query($2::jsonb, true) as query
)
select a.id, a.locale as language, a.slug, a.title, case when $7::bigint is not null or $8::text is not null then a.body end as body, a.audience,
    a.client_id as client, a.published_at, a.updated_at, r.rank
from asked
cross join desk.kb_articles a
-- A whole number, so that the place of an article in the list is the same when it is asked for again.
cross join lateral (select coalesce(round(1000000 * ts_rank(a.search, asked.query))::bigint, 0) as rank) r
where a.state = 'published'
  and ($1::bigint is null or (a.audience = 'clients' and (a.client_id is null or a.client_id = $1)))
  and ($2::jsonb is null or a.search @@ asked.query)
  and ($3::text is null or a.locale = $3)
  and ($4::bigint is null or (r.rank, a.updated_at, a.id) < ($4, $5::timestamptz, $6::bigint))
  and ($7::bigint is null or a.id = $7)
  and ($8::text is null or a.slug = $8)
order by (a.locale = $9::text) desc, r.rank desc, a.updated_at desc, a.id desc
limit $10
