-- Clients that are called what terms of $1 say, or one of whose people is: the places, from zero, of the terms that are done with then; the client; and what those
-- of its people are called who are meant, three at most. Where some clients are called several of the terms, those that are called the most of them are meant; of
-- equals those that are called the earliest. A hundred clients at most.
with terms as materialized (
    select said.place - 1 as place, plain, is_prefix,
        not is_prefix and (length(to_tsvector('pg_catalog.spanish', plain)) = 0 or length(to_tsvector('pg_catalog.english', plain)) = 0) as is_small
    from jsonb_array_elements($1) with ordinality as said (term, place)
    cross join lateral jsonb_array_elements_text(term -> 'any') as spelling
    cross join lateral (select desk.plain_name(spelling) as plain, (term ->> 'prefix')::boolean as is_prefix) compared
    where plain <> ''
), patterns as materialized (
    -- Small words of a language name nobody.
    select place, '\m' || plain || case when is_prefix then '' else '\M' end as pattern
    from terms
    where not is_small
), named as materialized (
    select p.place, c.id as client_id, null::bigint as user_id
    from patterns p
    join desk.clients c on desk.plain_name(c.name) ~ p.pattern
    union all
    select p.place, k.client_id, k.user_id
    from patterns p
    join desk.contacts k on k.plain_name ~ p.pattern
), called as (
    select client_id, array_agg(distinct place order by place) as places, array_agg(distinct user_id) filter (where user_id is not null) as people
    from named
    group by client_id
), meant as (
    select *, rank() over (order by cardinality(places) desc, places) as rank
    from called
)
select places || array(select place from terms where is_small) as places, client_id,
    array(select u.full_name from core.users u where u.id = any (people) order by u.full_name limit 3) as people
from meant
where rank = 1
order by client_id
limit 100
