-- Published articles that have words of $1 (terms), the closest first, each with whether client $2 may read it; at most $3.
select a.id, a.locale, a.slug, a.title, a.audience = 'clients' and (a.client_id is null or a.client_id = $2) as is_for_client
from desk.search_query($1, false) query
join desk.kb_articles a on a.search @@ query
where a.state = 'published' and (a.client_id is null or a.client_id = $2)
order by ts_rank(a.search, query) desc, a.updated_at desc, a.id desc
limit $3
