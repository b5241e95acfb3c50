-- For each word of $1 that few tickets have, words that are spelled much like it: the word, the same as it is compared, the other one, and how that is spelled.
-- Only of what client $2 may see (null: everything). Small words of a language are meant by nobody: nothing is found by them.
with words_typed as materialized (
    select word, desk.plain(word) as plain from unnest($1::text[]) word
), typed as materialized (
    -- Many people do not misspell a word alike.
    select word, plain
    from words_typed
    where (select count(*) from (
        select from desk.tickets t
        where t.search @@ plainto_tsquery('pg_catalog.simple', plain) and ($2::bigint is null or t.client_id = $2)
        limit 3
    ) few) < 3
), of_tickets as (
    select typed.word as typed, typed.plain, near.word, coalesce(c.spelled, w.spelled) as spelled
    from typed
    cross join lateral (
        select k.word from desk.words k where k.word = any (desk.with_neighbours_changed(typed.plain))
        union
        -- What is much longer or shorter is no slip of a finger.
        (select k.word
         from desk.words k
         where k.word % typed.plain and length(k.word) between length(typed.plain) - 2 and length(typed.plain) + 2
           and ($2::bigint is null or exists (select from desk.client_words own where own.client_id = $2 and own.word = k.word))
         order by similarity(k.word, typed.plain) desc, k.word
         limit 300)
    ) near
    join desk.words w on w.word = near.word
    left join desk.client_words c on c.client_id = $2 and c.word = near.word
    where $2::bigint is null or c.word is not null
), texts as materialized (
    select typed.word as typed, typed.plain, a.text
    from typed
    cross join lateral (
        select a.title || ' ' || a.body as text
        from desk.kb_articles a
        where desk.plain(a.title || ' ' || a.body) %> typed.plain
          and case when $2::bigint is null then a.state <> 'archived'
              else a.state = 'published' and a.audience = 'clients' and (a.client_id is null or a.client_id = $2) end
        limit 20
    ) a
), spellings as materialized (
    select texts.typed, texts.plain, s.spelled, count(*) as times
    from texts
    cross join lateral desk.spellings(texts.text) as s (spelled)
    where length(s.spelled) between length(texts.plain) - 3 and length(texts.plain) + 3
    group by 1, 2, 3
), of_articles as (
    -- As most of them spell it.
    select distinct on (typed, plain, word) typed, plain, word, spelled
    from spellings
    cross join lateral (select desk.plain(spelled) as word) compared
    where word !~ '\s'
    order by typed, plain, word, times desc, spelled
)
select typed, plain, word, spelled
from (select * from of_tickets union all select typed, plain, word, spelled from of_articles where word % plain) alike
where length(to_tsvector('pg_catalog.spanish', spelled)) > 0 and length(to_tsvector('pg_catalog.english', spelled)) > 0
