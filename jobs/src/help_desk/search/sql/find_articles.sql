-- Articles that hold what is asked for, the closest first, those of language $4 before the others that are as close, and how many there are.
--   $1 as it was typed, $2 with what may have been meant · $3 client (null: whoever works here) · $5 how many to pass over, $6 how many to give
select a.id, a.locale, a.slug, a.title, a.body, a.audience, a.state, c.name as client, count(*) over () as total
from desk.kb_articles a
left join desk.clients c on c.id = a.client_id
where a.search @@ $2::text::tsquery
  and case when $3::bigint is null then a.state <> 'archived'
      else a.state = 'published' and a.audience = 'clients' and (a.client_id is null or a.client_id = $3) end
order by a.search @@ $1::text::tsquery desc, ts_rank(a.search, $2::text::tsquery) * case when a.locale = $4 then 1 else 0.5 end desc, a.updated_at desc, a.id desc
offset $5
limit $6
