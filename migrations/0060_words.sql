-- A slip of the finger is known for one wherever the word stands that was meant: in a title, a description, a tag or what was said. And tags are searched.

-- Tags stand among the ticket's own words. Who saves a ticket writes its tags too, mostly the same: then nothing is written anew. Nobody has written under a
-- ticket that is just being opened: looking for its comments was half of what its words cost.
create or replace function desk.write_own_words() returns trigger language plpgsql as $$
begin
    new.search := setweight(desk.search_vector(new.title, null), 'A') || setweight(desk.search_vector(new.description, null), 'B')
        || setweight(desk.search_vector(array_to_string(new.tags, ' '), null), 'B');
    if tg_op = 'UPDATE' then
        new.search := new.search || coalesce((select setweight(desk.thread_vector(string_agg(c.body, E'\n' order by c.id)), 'C') from desk.comments c
            where c.ticket_id = new.id and not c.is_internal), '');
    end if;
    return new;
end $$;
drop trigger write_own_words on desk.tickets;
create trigger write_own_words before insert on desk.tickets for each row execute function desk.write_own_words();
create trigger write_own_words_anew before update of title, description, tags on desk.tickets for each row
    when ((old.title, old.description, old.tags) is distinct from (new.title, new.description, new.tags)) execute function desk.write_own_words();
update desk.tickets set search = search || setweight(desk.search_vector(array_to_string(tags, ' '), null), 'B') where tags <> '{}';

-- Every word that anybody has written at the desk, once: few, whatever the number of tickets. Words with digits are numbers of something, and nobody corrects these.
create table desk.words (
    -- As it is compared.
    word text primary key,
    -- In small letters as it is shown: with accents, if anybody has written it with any.
    spelled text not null
);
create index words_by_spelling on desk.words using gin (word gin_trgm_ops) with (fastupdate = off);

-- Those of them that a client's people may read: the client's own. What agents note for themselves is not among them.
create table desk.client_words (
    client_id bigint not null references desk.clients on delete cascade,
    word text not null,
    spelled text not null,
    primary key (client_id, word)
);

-- The words of a text that somebody may misspell, in small letters as they are spelled, each once.
create function desk.spellings(text text) returns setof text language sql immutable parallel safe rows 60
begin atomic
    select distinct spelled
    from string_to_table(translate(lower(text), E'\t\n\r' || $$!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~«»“”„‘’¡¿–—…·•$$, repeat(' ', 64)), ' ') as spelled
    where length(spelled) between 3 and 40 and spelled !~ '[[:digit:]]';
end;

-- Takes words in, each of the client at its place (null: for those who work at the desk alone). Most are known, and are only looked up: nobody waits for anybody but
-- where two write the same new word at once. They come in the order of the words, so that no two wait for each other.
create function desk.learn_words(clients bigint[], spellings text[]) returns void language plpgsql as $$
begin
    with told as materialized (
        select t.client_id, desk.plain(t.spelled) as word, t.spelled from unnest(clients, spellings) as t (client_id, spelled)
    ), fit as materialized (
        -- Of two spellings the one with accents, which sorts behind. What is compared as several words is none.
        select client_id, word, max(spelled) as spelled
        from told
        where length(word) between 3 and 40 and word !~ '[[:digit:][:space:]]'
        group by client_id, word
    ), accented as materialized (
        select client_id, word, spelled from fit where spelled <> word
    ), learned as (
        insert into desk.words (word, spelled)
        select word, max(spelled) from fit group by word order by word
        on conflict do nothing
    ), learned_by_client as (
        insert into desk.client_words (client_id, word, spelled)
        select client_id, word, spelled from fit where client_id is not null order by client_id, word
        on conflict do nothing
    ), accented_words as (
        update desk.words w set spelled = a.spelled
        from (select word, max(spelled) as spelled from accented group by word) a
        where w.word = a.word and w.spelled = w.word
    )
    update desk.client_words w set spelled = a.spelled
    from accented a
    where w.client_id = a.client_id and w.word = a.word and w.spelled = w.word;
end $$;

-- Whatever writes tickets and comments. By their names they come after the counting of clients' tickets, which may wait: whoever waits for a client holds no word.
create function desk.learn_words_of_tickets() returns trigger language plpgsql as $$
begin
    if tg_level = 'ROW' then
        perform desk.learn_words(array_agg(new.client_id), array_agg(s.spelled))
        from desk.spellings(new.title || ' ' || new.description || ' ' || array_to_string(new.tags, ' ')) as s (spelled);
    else
        perform desk.learn_words(array_agg(told.client_id), array_agg(told.spelled))
        from (
            select distinct n.client_id, s.spelled
            from news n
            cross join lateral desk.spellings(n.title || ' ' || n.description || ' ' || array_to_string(n.tags, ' ')) as s (spelled)
        ) told;
    end if;
    return null;
end $$;
create trigger learn_words after insert on desk.tickets
    referencing new table as news for each statement execute function desk.learn_words_of_tickets();
create trigger learn_words_anew after update of title, description, tags on desk.tickets for each row
    when ((old.title, old.description, old.tags) is distinct from (new.title, new.description, new.tags)) execute function desk.learn_words_of_tickets();

create function desk.learn_words_of_comments() returns trigger language plpgsql as $$
begin
    perform desk.learn_words(array_agg(told.client_id), array_agg(told.spelled))
    from (
        select distinct case when not n.is_internal then t.client_id end as client_id, s.spelled
        from news n
        join desk.tickets t on (t.id, t.created_at) = (n.ticket_id, n.ticket_created_at)
        cross join lateral desk.spellings(n.body) as s (spelled)
    ) told;
    return null;
end $$;
create trigger learn_words after insert on desk.comments
    referencing new table as news for each statement execute function desk.learn_words_of_comments();

-- A word with two neighbours changed, in each place: in short words too little of it is left for trigrams to find.
create function desk.with_neighbours_changed(word text) returns text[] language sql immutable strict parallel safe
    return array(select overlay(word placing reverse(substr(word, place, 2)) from place for 2) from generate_series(1, length(word) - 1) as place);

-- What has been written until now.
select desk.learn_words(array_agg(told.client_id), array_agg(told.spelled))
from (
    select distinct t.client_id, s.spelled
    from desk.tickets t
    cross join lateral desk.spellings(t.title || ' ' || t.description || ' ' || array_to_string(t.tags, ' ')) as s (spelled)
) told;
select desk.learn_words(array_agg(told.client_id), array_agg(told.spelled))
from (
    select distinct case when not c.is_internal then t.client_id end as client_id, s.spelled
    from desk.comments c
    join desk.tickets t on (t.id, t.created_at) = (c.ticket_id, c.ticket_created_at)
    cross join lateral desk.spellings(c.body) as s (spelled)
) told;
-- Titles are not looked through for words any more.
drop index desk.tickets_by_spelling;
