-- For each word of $1 that few tickets have, words that are spelled much like it: the word, the same as it is compared, the other one, and how that is spelled.
-- Only of what client $2 may see (null: everything). Small words of a language are meant by nobody: nothing is found by them.
with words_typed as materialized (
    select word, desk.plain(word) as plain from unnest($1::text[]) word
), typed as materialized (
    -- Many people do not misspell a word alike. Of one that nobody has written nobody counts the tickets.
    select word, plain
    from words_typed
    where case when (select true from desk.words k where k.word = plain) then desk.times_of_word(plain, $2, 3) < 3 else true end
), near as materialized (
    select typed.word as typed, typed.plain, alike.word, alike.spelled
    from typed
    cross join lateral (
        select k.word, k.spelled from desk.words k where k.word = any (desk.with_neighbours_changed(typed.plain))
        union all
        -- What is much longer or shorter is no slip of a finger.
        (select k.word, k.spelled
         from desk.words k
         where k.word % typed.plain and length(k.word) between length(typed.plain) - 2 and length(typed.plain) + 2
         order by similarity(k.word, typed.plain) desc, k.word
         limit 300)
    ) alike
), readable as materialized (
    -- A client's people read what their own tickets and the articles for them say, and as these spell it.
    select typed, plain, word,
        case when $2::bigint is null then spelled else greatest(
            (select own.spelled from desk.client_words own where own.client_id = $2 and own.word = near.word),
            (select max(w.spelled)
             from desk.article_words w
             join desk.kb_articles a on a.id = w.article_id
             where w.word = near.word and a.state = 'published' and a.audience = 'clients' and (a.client_id is null or a.client_id = $2))
        ) end as spelled
    from near
)
select typed, plain, word, spelled
from readable
where length(to_tsvector('pg_catalog.spanish', spelled)) > 0 and length(to_tsvector('pg_catalog.english', spelled)) > 0
