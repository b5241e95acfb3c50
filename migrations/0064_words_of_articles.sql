-- A slip of the finger is looked up in words alone. Reading twenty articles for words like the one that was typed, and planning how to count the tickets that have it, were
-- nearly all that a correction took.

-- Which words an article has, and how it spells them: whoever may read it may hear of them. Every one of them stands among the desk's words.
create table desk.article_words (
    word text not null,
    article_id bigint not null references desk.kb_articles on delete cascade,
    spelled text not null,
    primary key (word, article_id)
);
create index article_words_by_article on desk.article_words (article_id);

create function desk.learn_words_of_article() returns trigger language plpgsql as $$
begin
    delete from desk.article_words where article_id = new.id;
    insert into desk.article_words (word, article_id, spelled)
    -- Of two spellings the one with accents, which sorts behind. What is compared as several words is none.
    select word, new.id, max(spelled)
    from desk.spellings(new.title || ' ' || new.body) as spelled
    cross join lateral (select desk.plain(spelled) as word) compared
    where length(word) between 3 and 40 and word !~ '[[:digit:][:space:]]'
    group by word;
    perform desk.learn_words(array_agg(null::bigint), array_agg(w.spelled)) from desk.article_words w where w.article_id = new.id;
    return null;
end $$;
create trigger learn_words after insert on desk.kb_articles for each row execute function desk.learn_words_of_article();
create trigger learn_words_anew after update of title, body on desk.kb_articles for each row
    when ((old.title, old.body) is distinct from (new.title, new.body)) execute function desk.learn_words_of_article();

-- How many tickets have a word, of what client `client` may see (null: everything); nobody counts further than `enough`. Planned once a connection: whatever the word,
-- it is looked up in the index of words of each month, and planning that for every word took longer than doing it.
create function desk.times_of_word(word text, client bigint, enough integer) returns bigint language plpgsql stable
set plan_cache_mode = force_generic_plan
as $$
begin
    return (select count(*) from (
        select from desk.tickets t
        where (t.search @@ plainto_tsquery('pg_catalog.simple', word) or (client is null and t.noted @@ plainto_tsquery('pg_catalog.simple', word)))
          and (client is null or t.client_id = client)
        limit enough
    ) few);
end $$;

-- What is written until now.
insert into desk.article_words (word, article_id, spelled)
select word, a.id, max(spelled)
from desk.kb_articles a
cross join lateral desk.spellings(a.title || ' ' || a.body) as spelled
cross join lateral (select desk.plain(spelled) as word) compared
where length(word) between 3 and 40 and word !~ '[[:digit:][:space:]]'
group by word, a.id;
select desk.learn_words(array_agg(null::bigint), array_agg(w.spelled)) from (select distinct spelled from desk.article_words) w;
-- Articles are not looked through for words any more.
drop index desk.kb_articles_by_spelling;
