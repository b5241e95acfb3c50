-- For each word of $1 that few tickets have, those of titles (and of articles) that are spelled much like it: the word, the same as it is compared, the other
-- one, and how most texts spell that. Only of what client $2 may see (null: everything), and of so many texts at most.
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
), texts as materialized (
    select typed.word as typed, typed.plain, texts.text
    from typed
    cross join lateral (
        (select t.title as text from desk.tickets t where desk.plain(t.title) %> typed.plain and ($2::bigint is null or t.client_id = $2) limit 200)
        union all
        (select a.title || ' ' || a.body from desk.kb_articles a
         where desk.plain(a.title || ' ' || a.body) %> typed.plain
           and case when $2::bigint is null then a.state <> 'archived'
               else a.state = 'published' and a.audience = 'clients' and (a.client_id is null or a.client_id = $2) end
         limit 20)
    ) texts
), spelled as materialized (
    -- What is much longer or shorter is no slip of a finger, and need not be compared.
    select typed, plain, lower(word) as shown, count(*) as times
    from texts
    cross join regexp_split_to_table(translate(text, $$!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~«»“”„‘’¡¿–—…·•$$, repeat(' ', 46)), '\s+') word
    where length(word) between length(plain) - 3 and length(plain) + 3
    group by 1, 2, 3
), words as materialized (
    select distinct on (typed, plain, word) typed, plain, word, shown
    from spelled
    cross join lateral (select desk.plain(shown) as word) compared
    where word !~ '\s'
    order by typed, plain, word, times desc, shown
)
select typed, plain, word, shown from words where word % plain
