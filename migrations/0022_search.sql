-- What the help desk knows, and how it and the tickets are found: by words in any of their forms, without accents, and in spite of typos.

create extension if not exists pg_trgm;
create extension if not exists unaccent;

-- A text as it is compared: no accents, small letters, blanks for punctuation, so that «SRV-01», an address and a path are words like any other.
-- unaccent() is not immutable, because somebody could change its dictionary; who changes it builds the indexes below anew.
create function desk.plain(text text) returns text language sql immutable strict parallel safe
    return translate(lower(unaccent('unaccent'::regdictionary, text)), $$!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~$$, repeat(' ', 32));

-- Spanish's stemmer knows -ación and -ución by their accent alone.
create function desk.with_endings(plain text) returns text language sql immutable strict parallel safe
    return regexp_replace(plain, '([au]c)ion\M', '\1ión', 'g');

-- The words of a text: as they stand, for phrases and beginnings, and by their stems in a language (null: in both, because nobody says in which
-- language a ticket is written). Stems have no places, so that nothing stands side by side that does not in the text, and a word as it was typed counts
-- for more than another form of it.
create function desk.search_vector(text text, locale text) returns tsvector language sql immutable parallel safe
begin atomic
    select to_tsvector('pg_catalog.simple', plain)
        || case when locale = 'en' then '' else strip(to_tsvector('pg_catalog.spanish', desk.with_endings(plain))) end
        || case when locale = 'es' then '' else strip(to_tsvector('pg_catalog.english', plain)) end
    from desk.plain(text) as plain;
end;

-- What somebody asks for: an array of {"any": [text, …], "quoted": whether its words stand side by side and as they are, "prefix": whether the last one
-- may go on}. With `each` all of them, else one of their words. Small words that a language passes over (el, the) are asked for only where there is
-- nothing else. Whatever a text holds, it is words: nothing in it is an operator.
create function desk.search_query(terms jsonb, each boolean) returns tsquery language plpgsql immutable strict parallel safe
set client_min_messages = warning -- it says that it passes over words
as $$
declare
    term jsonb;
    plain text;
    words tsquery;
    spanish tsquery;
    english tsquery;
    one tsquery;
    whole tsquery := '';
    small tsquery := '';
    is_small boolean;
begin
    for term in select * from jsonb_array_elements(terms) loop
        one := '';
        is_small := false;
        for plain in select desk.plain(value) from jsonb_array_elements_text(term -> 'any') loop
            words := case
                when each then phraseto_tsquery('pg_catalog.simple', plain)
                else replace(plainto_tsquery('pg_catalog.simple', plain)::text, ' & ', ' | ')::tsquery end;
            if numnode(words) = 0 then
                continue;
            end if;
            if (term ->> 'prefix')::boolean then
                words := (words::text || ':*')::tsquery;
            end if;
            one := one || words;
            if not (term ->> 'quoted')::boolean then
                spanish := plainto_tsquery('pg_catalog.spanish', desk.with_endings(plain));
                english := plainto_tsquery('pg_catalog.english', plain);
                is_small := is_small or numnode(spanish) = 0 or numnode(english) = 0;
                one := one || spanish || english;
            end if;
        end loop;
        if is_small and not (term ->> 'prefix')::boolean then
            small := case when each then small && one else small || one end;
        else
            whole := case when each then whole && one else whole || one end;
        end if;
    end loop;
    return case when numnode(whole) = 0 then small else whole end;
end $$;

-- Without a list of what is pending: who searches does not read through what others have just written.
alter table desk.tickets add column search tsvector not null generated always as
    (setweight(desk.search_vector(title, null), 'A') || setweight(desk.search_vector(description, null), 'B')) stored;
create index tickets_by_words on desk.tickets using gin (search) with (fastupdate = off);
create index tickets_by_spelling on desk.tickets using gin (desk.plain(title) gin_trgm_ops) with (fastupdate = off);

-- What the desk has learned and writes down: for itself, or for clients to help themselves. Where the same is told in both languages, both have one slug.
create table desk.kb_articles (
    id bigint generated always as identity primary key,
    locale text not null check (locale in ('es', 'en')),
    slug text not null check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(slug) <= 80),
    title text not null check (length(title) between 1 and 300),
    -- Markdown.
    body text not null check (length(body) between 1 and 20000),
    -- Clients read what is published for them; what is for one client, its people alone.
    audience text not null check (audience in ('clients', 'desk')),
    client_id bigint references desk.clients,
    state text not null default 'draft' check (state in ('draft', 'published', 'archived')),
    author_id bigint not null references core.users,
    -- Who wrote in it last.
    editor_id bigint not null references core.users,
    lock_version integer not null default 0 check (lock_version >= 0),
    created_at timestamptz not null,
    updated_at timestamptz not null check (updated_at >= created_at),
    -- For the first time.
    published_at timestamptz check (published_at >= created_at),
    search tsvector not null generated always as
        (setweight(desk.search_vector(title, locale), 'A') || setweight(desk.search_vector(body, locale), 'B')) stored,
    unique (locale, slug),
    check (client_id is null or audience = 'clients'),
    check (state <> 'published' or published_at is not null)
);
create index kb_articles_by_time on desk.kb_articles (updated_at desc, id desc);
create index kb_articles_by_client on desk.kb_articles (client_id) where client_id is not null;
create index kb_articles_by_words on desk.kb_articles using gin (search) with (fastupdate = off);
create index kb_articles_by_spelling on desk.kb_articles using gin (desk.plain(title || ' ' || body) gin_trgm_ops) with (fastupdate = off);
