-- The doors for those who enqueue without linking our code: the catalogue of jobs as published by the binaries that run them, a function that
-- enqueues by name in the caller's own transaction, and what the web's API remembers.

-- What may be enqueued: one row a kind of job, written by `worker migrate` and by each worker that starts.
create table faena.job_kinds (
    name text primary key check (name ~ '^[a-z][a-z0-9_]{0,62}$'),
    version smallint not null check (version > 0),
    lane text not null check (lane ~ '^(critical|default|low)(/[a-z0-9_]{1,32})?$'),
    -- JSON Schema 2020-12 of the arguments, of the part of it that faena.find_flaw knows.
    schema jsonb not null check (jsonb_typeof(schema) in ('object', 'boolean')),
    description text not null,
    -- What the kind says of itself, where it says something: fields that must be encrypted; the limits that it counts against, each with its
    -- name and the field (`by`) whose values are counted apart; what makes one such job the same as another; the field that names the tenant.
    secret_fields text[],
    limits jsonb check (jsonb_typeof(limits) = 'array'),
    unique_by jsonb,
    tenant_field text,
    published_at timestamptz not null default clock_timestamp(),
    -- The version of the binary that wrote the row.
    published_by text not null
);

-- Why a value does not fit a format; null: it does. Formats of strings say nothing about numbers, nor the other way about.
create function faena.find_format_flaw(format text, given jsonb) returns text language plpgsql immutable as $$
declare
    said text := given #>> '{}';
    low numeric;
    high numeric;
    part text[];
begin
    case format
    when 'int8', 'int16', 'int32', 'int64', 'int', 'uint8', 'uint16', 'uint32', 'uint64', 'uint' then
        if jsonb_typeof(given) <> 'number' then return null; end if;
        -- isize and usize have 64 bits wherever we run.
        high := 2::numeric ^ coalesce(substring(format from '[0-9]+$')::integer, 64);
        low := case when format like 'u%' then 0 else -high / 2 end;
        high := trunc(low + high - 1);
        if said::numeric between low and high then return null; end if;
        return format('must be from %s to %s', trunc(low), high);
    when 'float', 'double' then
        if jsonb_typeof(given) <> 'number' or abs(said::numeric) <= 1.7976931348623157e308 then return null; end if;
        return 'must be a number that a double can hold';
    when 'uuid' then
        if jsonb_typeof(given) <> 'string' or said ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' then return null; end if;
        return 'must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057';
    when 'email' then
        if jsonb_typeof(given) <> 'string' or said ~ '^[^@[:space:]]{1,64}@[^@[:space:]]{1,255}$' then return null; end if;
        return 'must be an e-mail address';
    when 'date' then
        if jsonb_typeof(given) <> 'string' or faena.is_date(said) then return null; end if;
        return 'must be a date such as 2026-12-24';
    when 'date-time' then
        if jsonb_typeof(given) <> 'string' then return null; end if;
        -- RFC 3339, without leap seconds: no clock of ours can wait for one.
        part := regexp_match(said,
            '^([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})([.][0-9]+)?([Zz]|[+-]([0-9]{2}):([0-9]{2}))$');
        if faena.is_date(part[1]) and part[2] <= '23' and part[3] <= '59' and part[4] <= '59'
            and coalesce(part[7], '00') <= '23' and coalesce(part[8], '00') <= '59'
        then return null; end if;
        return 'must be a time such as 2026-12-24T20:00:00-05:00';
    else
        raise exception 'a published schema uses the format %, which nothing here can judge', format using errcode = '0A000';
    end case;
end $$;

-- Whether a text is a date of the calendar, year-month-day. Null is none.
create function faena.is_date(said text) returns boolean language sql immutable as $$
    select coalesce(bool_and(
        p[2]::integer between 1 and 12
        and p[3]::integer between 1 and case
            when p[2] in ('04', '06', '09', '11') then 30
            when p[2] <> '02' then 31
            when p[1]::integer % 4 = 0 and (p[1]::integer % 100 <> 0 or p[1]::integer % 400 = 0) then 29
            else 28
        end), false)
    from regexp_match(said, '^([0-9]{4})-([0-9]{2})-([0-9]{2})$') p
    where p is not null
$$;

-- One step of a JSON Pointer (RFC 6901).
create function faena.pointer_step(key text) returns text language sql immutable as $$
    select '/' || replace(replace(key, '~', '~0'), '/', '~1')
$$;

-- What is wrong with a value, judged by a JSON Schema: null, or where (a JSON Pointer) and why. Keywords are met in jsonb's own order, shorter
-- names first, so that a wrong type is told before what follows from it. Two things are stricter than the standard, because those who will
-- read the value are: an integer is written without a fraction, and known formats are binding. A keyword that is not known here is an
-- error and never ignored.
create function faena.find_flaw(schema jsonb, given jsonb, path text, root jsonb, depth integer) returns text[] language plpgsql immutable as $$
declare
    kind text := jsonb_typeof(given);
    said text := given #>> '{}';
    keyword text;
    rule jsonb;
    flaw text[];
    part text;
    branch jsonb;
    fits integer;
    flaws jsonb;
begin
    if depth > 256 then return array[path, 'is nested too deeply']; end if;
    if schema = 'true' then return null; end if;
    if schema = 'false' then return array[path, 'is not allowed here']; end if;
    -- Secrets are sealed before they get here: Postgres has no key, and must not hold them as they are.
    if schema @> '{"writeOnly": true}' then
        return case when jsonb_typeof(given -> '$secret') = 'string' then null
            else array[path, 'is secret and is not sealed: enqueue the job from Rust or by `worker enqueue`'] end;
    end if;
    for keyword, rule in select * from jsonb_each(schema) loop
        case keyword
        when '$schema', '$defs', '$comment', 'title', 'description', 'default', 'examples', 'deprecated', 'readOnly', 'writeOnly' then
            continue;
        when '$ref' then
            branch := case rule #>> '{}' when '#' then root else root #> array['$defs', substring(rule #>> '{}' from '^#/\$defs/([^/~%]+)$')] end;
            if branch is null then
                raise exception 'a published schema refers to %, which is not in it', rule using errcode = '0A000';
            end if;
            flaw := faena.find_flaw(branch, given, path, root, depth + 1);
        when 'type' then
            flaw := faena.find_type_flaw(case jsonb_typeof(rule) when 'array' then rule else jsonb_build_array(rule) end, given, path);
        when 'enum' then
            if not exists (select from jsonb_array_elements(rule) allowed where allowed = given) then
                flaw := array[path, 'must be one of ' || left((select string_agg(allowed::text, ', ') from jsonb_array_elements(rule) allowed), 500)];
            end if;
        when 'const' then
            if given <> rule then flaw := array[path, 'must be ' || left(rule::text, 500)]; end if;
        when 'minimum' then
            if kind = 'number' and said::numeric < rule::numeric then flaw := array[path, 'must be at least ' || rule::text]; end if;
        when 'maximum' then
            if kind = 'number' and said::numeric > rule::numeric then flaw := array[path, 'must be at most ' || rule::text]; end if;
        when 'exclusiveMinimum' then
            if kind = 'number' and said::numeric <= rule::numeric then flaw := array[path, 'must be more than ' || rule::text]; end if;
        when 'exclusiveMaximum' then
            if kind = 'number' and said::numeric >= rule::numeric then flaw := array[path, 'must be less than ' || rule::text]; end if;
        when 'multipleOf' then
            if kind = 'number' and mod(said::numeric, rule::numeric) <> 0 then flaw := array[path, 'must be a multiple of ' || rule::text]; end if;
        when 'minLength' then
            if kind = 'string' and length(said) < rule::integer then flaw := array[path, format('must have at least %s characters', rule)]; end if;
        when 'maxLength' then
            if kind = 'string' and length(said) > rule::integer then flaw := array[path, format('may have %s characters at most', rule)]; end if;
        when 'pattern' then
            if kind = 'string' and said !~ (rule #>> '{}') then flaw := array[path, 'must match ' || (rule #>> '{}')]; end if;
        when 'format' then
            part := faena.find_format_flaw(rule #>> '{}', given);
            if part is not null then flaw := array[path, part]; end if;
        when 'required' then
            if kind = 'object' then
                select array[path || faena.pointer_step(name), 'is missing'] into flaw
                from jsonb_array_elements_text(rule) with ordinality wanted (name, place) where not given ? name order by place limit 1;
            end if;
        when 'properties' then
            if kind = 'object' then
                for part, branch in select * from jsonb_each(rule) loop
                    continue when not given ? part;
                    flaw := faena.find_flaw(branch, given -> part, path || faena.pointer_step(part), root, depth + 1);
                    exit when flaw is not null;
                end loop;
            end if;
        when 'additionalProperties' then
            if kind = 'object' then
                for part in select key from jsonb_object_keys(given) key where not coalesce(schema -> 'properties', '{}') ? key loop
                    flaw := faena.find_flaw(rule, given -> part, path || faena.pointer_step(part), root, depth + 1);
                    if flaw is not null and rule = 'false' then
                        flaw[2] := 'is not known here; the fields are '
                            || coalesce((select string_agg(key, ', ') from jsonb_object_keys(schema -> 'properties') key), 'none');
                    end if;
                    exit when flaw is not null;
                end loop;
            end if;
        when 'minProperties' then
            if kind = 'object' and (select count(*) from jsonb_object_keys(given)) < rule::integer then
                flaw := array[path, format('must have at least %s fields', rule)];
            end if;
        when 'maxProperties' then
            if kind = 'object' and (select count(*) from jsonb_object_keys(given)) > rule::integer then
                flaw := array[path, format('may have %s fields at most', rule)];
            end if;
        when 'prefixItems', 'items' then
            if kind = 'array' then
                flaw := faena.find_item_flaw(keyword, rule, schema, given, path, root, depth);
            end if;
        when 'minItems' then
            if kind = 'array' and jsonb_array_length(given) < rule::integer then flaw := array[path, format('must have at least %s items', rule)]; end if;
        when 'maxItems' then
            if kind = 'array' and jsonb_array_length(given) > rule::integer then flaw := array[path, format('may have %s items at most', rule)]; end if;
        when 'uniqueItems' then
            if kind = 'array' and rule = 'true' and (select count(*) > count(distinct item) from jsonb_array_elements(given) item) then
                flaw := array[path, 'must not have two equal items'];
            end if;
        when 'allOf' then
            for branch in select * from jsonb_array_elements(rule) loop
                flaw := faena.find_flaw(branch, given, path, root, depth + 1);
                exit when flaw is not null;
            end loop;
        when 'anyOf', 'oneOf' then
            fits := 0;
            flaws := '[]';
            for branch in select * from jsonb_array_elements(rule) loop
                flaw := faena.find_flaw(branch, given, path, root, depth + 1);
                if flaw is null then fits := fits + 1; else flaws := flaws || jsonb_build_array(to_jsonb(flaw)); end if;
                exit when fits > 0 and keyword = 'anyOf';
            end loop;
            flaw := case
                when fits = 0 then faena.choose_flaw(flaws)
                when fits > 1 and keyword = 'oneOf' then array[path, 'fits more than one of the forms that it may have']
            end;
        when 'not' then
            if faena.find_flaw(rule, given, path, root, depth + 1) is null then flaw := array[path, 'is not allowed here']; end if;
        else
            raise exception 'a published schema uses the keyword %, which nothing here can judge', keyword using errcode = '0A000';
        end case;
        if flaw is not null then return flaw; end if;
    end loop;
    return null;
end $$;

-- Helper of faena.find_flaw: the keyword `type`.
create function faena.find_type_flaw(allowed jsonb, given jsonb, path text) returns text[] language sql immutable as $$
    select array[path, 'must be ' || string_agg(case type when 'null' then 'null' when 'integer' then 'an ' || type when 'array' then 'an ' || type
        when 'object' then 'an ' || type else 'a ' || type end, ' or ' order by place)]
    from jsonb_array_elements_text(allowed) with ordinality as wanted (type, place)
    -- jsonb writes numbers without exponents, so an integer is digits.
    having not bool_or(type = jsonb_typeof(given) or (type = 'integer' and jsonb_typeof(given) = 'number' and given::text ~ '^-?[0-9]+$'))
$$;

-- Helper of faena.find_flaw: `prefixItems` judges the first items, one rule each, `items` all those behind them.
create function faena.find_item_flaw(keyword text, rule jsonb, schema jsonb, given jsonb, path text, root jsonb, depth integer) returns text[]
language plpgsql immutable as $$
declare
    item jsonb;
    place bigint;
    named integer := coalesce(jsonb_array_length(schema -> 'prefixItems'), 0);
    flaw text[];
begin
    for item, place in select i.item, i.place - 1 from jsonb_array_elements(given) with ordinality i (item, place) order by i.place loop
        continue when (keyword = 'prefixItems') = (place >= named);
        flaw := faena.find_flaw(case keyword when 'items' then rule else rule -> place::integer end, item, path || '/' || place, root, depth + 1);
        exit when flaw is not null;
    end loop;
    return flaw;
end $$;

-- Helper of faena.find_flaw: of the flaws that the branches of an `anyOf` found, the one of the branch that was nearest to fitting. That is
-- the one found deepest; a tag that names another variant is the least of reasons. Equally near ones of one place are told together.
create function faena.choose_flaw(flaws jsonb) returns text[] language sql immutable as $$
    with ranked as (
        select flaw ->> 0 as path, flaw ->> 1 as reason, place,
            rank() over (order by length(flaw ->> 0) - length(replace(flaw ->> 0, '/', '')) desc, (flaw ->> 1) like 'must be "%') as nearness
        from jsonb_array_elements(flaws) with ordinality as found (flaw, place)
    ), nearest as (
        select path, reason, min(place) as place from ranked where nearness = 1 group by path, reason
    )
    select array[path, left(string_agg(reason, ', or ' order by place), 1000)] from nearest group by path order by min(place) limit 1
$$;

-- Ends a call that cannot be carried out. The field stands in the error's own field for columns too: `/user_id` of the arguments, or the
-- name of a parameter.
create function faena.refuse(job text, field text, reason text) returns void language plpgsql as $$
begin
    raise exception using errcode = '22023', message = concat_ws(': ', job || coalesce(': ' || nullif(field, ''), ''), reason), column = field;
end $$;

-- Says that there is no such job, and which ones are nearly called that: names that share the most pairs of letters.
create function faena.refuse_name(wrong text) returns void language plpgsql stable as $$
declare
    near text;
    known text;
begin
    select string_agg(name, ', ' order by likeness desc, name) into near from (
        select k.name, 2.0 * count(*) filter (where mine.pair is not null) / (length(k.name) + 1 + length(wrong) + 1) as likeness
        from faena.job_kinds k
        cross join lateral (select distinct substr(' ' || k.name || ' ', i, 2) as pair from generate_series(1, length(k.name) + 1) i) theirs
        left join lateral (select distinct substr(' ' || wrong || ' ', i, 2) as pair from generate_series(1, length(wrong) + 1) i) mine
            on mine.pair = theirs.pair
        group by k.name
        order by likeness desc, k.name
        limit 3
    ) nearest where likeness >= 0.3;
    select string_agg(name, ', ' order by name) into known from (select name from faena.job_kinds order by name limit 50) listed;
    perform faena.refuse(null, 'name', format('no job is named "%s"; ', wrong) || case
        when known is null then 'none is published yet: run `worker migrate`'
        when near is null then 'the jobs are ' || known
        else 'nearly so: ' || near
    end);
end $$;

-- A text as one word: letters, digits and a few signs of ASCII stay, the rest is percent-encoded UTF-8. As `to_word` in the engine does it.
create function faena.to_word(said text) returns text language sql immutable strict as $$
    select coalesce(string_agg(case
        when sign ~ '^[a-zA-Z0-9._@+-]$' then sign
        else regexp_replace(upper(encode(convert_to(sign, 'UTF8'), 'hex')), '(..)', '%\1', 'g')
    end, '' order by place), '')
    from regexp_split_to_table(said, '') with ordinality as signs (sign, place)
    where sign <> ''
$$;

-- The words of the limits that a job with these arguments counts against, as `Reckoning` in the engine reads them off.
create function faena.words_of_limits(kind faena.job_kinds, args jsonb) returns jsonb language sql immutable as $$
    select jsonb_agg(l ->> 'name' || coalesce(':' || faena.to_word(args ->> (l ->> 'by')), '') order by place)
    from jsonb_array_elements(kind.limits) with ordinality as limits (l, place)
$$;

-- The arguments as their readers see them: fields that were left out have their defaults, or null; fields that nobody reads are gone.
-- Uniqueness and limits go by that.
create function faena.with_defaults(schema jsonb, args jsonb) returns jsonb language sql immutable as $$
    select case when not schema @> '{"type": "object"}' then args else (
        select coalesce(jsonb_object_agg(field, coalesce(args -> field, property -> 'default', 'null')), '{}')
        from jsonb_each(schema -> 'properties') as properties (field, property)
        where args ? field or property ? 'default' or faena.find_flaw(property, 'null', '', schema, 0) is null
    ) || case when schema ? 'additionalProperties' then args else '{}' end end
$$;

-- The same text for equal values, whatever the order of their fields. As `write_canonical` in the engine writes it.
create function faena.to_canonical(given jsonb) returns text language sql immutable as $$
    select case jsonb_typeof(given)
        when 'object' then '{' || coalesce((
            select string_agg(to_jsonb(key)::text || ':' || faena.to_canonical(value), ',' order by key collate "C") from jsonb_each(given)), '') || '}'
        when 'array' then '[' || coalesce((
            select string_agg(faena.to_canonical(item), ',' order by place) from jsonb_array_elements(given) with ordinality as items (item, place)), '') || ']'
        else given::text
    end
$$;

-- What a job with these arguments holds while it is unique, and for how long; null: it is not. A key that the caller names goes before what
-- the kind says. Long keys, and those that are no plain word, are told apart by their hash.
create function faena.term_of_unique(kind faena.job_kinds, args jsonb, named text) returns jsonb language plpgsql immutable as $$
declare
    word text;
    missing text;
begin
    if named is not null then
        word := named;
    elsif kind.unique_by is null then
        return null;
    elsif jsonb_array_length(kind.unique_by -> 'by') = 0 then
        word := faena.to_canonical(args);
    else
        select string_agg(field || '=' || faena.to_canonical(args -> field), ',' order by place), min(field) filter (where args -> field is null)
        into word, missing
        from jsonb_array_elements_text(kind.unique_by -> 'by') with ordinality as fields (field, place);
        if missing is not null then
            perform faena.refuse(kind.name, faena.pointer_step(missing), 'is missing, and the job is unique by it');
        end if;
    end if;
    if octet_length(word) > 80 or word !~ '^[!-~]*$' then
        word := '#' || left(encode(sha256(convert_to(word, 'UTF8')), 'hex'), 32);
    end if;
    return jsonb_build_object('key', kind.name || ':' || word, 'until', coalesce(kind.unique_by -> 'until', '"end"'));
end $$;

-- A new job id: UUIDv7 (RFC 9562), the milliseconds in front, the rest random.
create function faena.new_job_id() returns uuid language sql volatile as $$
    select encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        placing substring(int8send(floor(extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid
$$;

-- Enqueues a job in the caller's transaction: what commits will run, and what is rolled back never existed. Returns the job's id; or, of a
-- unique job that meets another one, the id of that other: the new one stands in the ledger as cancelled, with that reason.
--   args          its arguments, checked against the published schema; 65,536 bytes at most
--   run_at        not before this time
--   id            chosen by the caller: the same id is the same job, once, however often it is enqueued
--   tenant        for whom it is done; if left out, what the field says that the kind names for that
--   expires_at    not worth an attempt from then on
--   unique_key    of the jobs of this kind with this key one is wanted at a time; if left out, what the kind itself says counts
--   traceparent   the trace it belongs to (W3C Trace Context)
-- What cannot be enqueued raises SQLSTATE 22023, with the field and the reason.
create function faena.enqueue(
    name text,
    args jsonb default '{}',
    run_at timestamptz default null,
    id uuid default null,
    tenant text default null,
    expires_at timestamptz default null,
    unique_key text default null,
    traceparent text default null
) returns uuid language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    kind faena.job_kinds;
    job_id uuid := coalesce(enqueue.id, faena.new_job_id());
    flaw text[];
    full_args jsonb;
    words jsonb;
    long_by text;
    unique_term jsonb;
    holder uuid;
    terms jsonb;
    other boolean;
begin
    select * into kind from faena.job_kinds k where k.name = enqueue.name;
    if not found then perform faena.refuse_name(left(coalesce(enqueue.name, ''), 63)); end if;

    if enqueue.args is null then perform faena.refuse(kind.name, 'args', 'must not be null'); end if;
    if octet_length(enqueue.args::text) > 65536 then
        perform faena.refuse(kind.name, 'args', format('has %s bytes; 65536 are allowed', octet_length(enqueue.args::text)));
    end if;
    flaw := faena.find_flaw(kind.schema, enqueue.args, '', kind.schema, 0);
    if flaw is not null then perform faena.refuse(kind.name, flaw[1], flaw[2]); end if;
    -- What reads arguments goes 128 levels deep.
    if jsonb_path_exists(enqueue.args, 'strict $.**{120 to last}') then perform faena.refuse(kind.name, 'args', 'is nested too deeply'); end if;

    -- Infinity, and years of five digits, are times that no other language knows.
    if enqueue.run_at not between '0001-01-01 UTC' and '9999-12-31 UTC' then
        perform faena.refuse(kind.name, 'run_at', 'must be a time of the years 1 to 9999');
    end if;
    if enqueue.expires_at not between '1970-01-01 UTC' and '9999-12-31 UTC' then
        perform faena.refuse(kind.name, 'expires_at', 'must be a time of the years 1970 to 9999');
    end if;
    if enqueue.tenant !~ '^[^[:cntrl:]]{1,120}$' then perform faena.refuse(kind.name, 'tenant', 'must have from 1 to 120 characters'); end if;
    if enqueue.unique_key !~ '^[^[:cntrl:]]{1,200}$' then perform faena.refuse(kind.name, 'unique_key', 'must have from 1 to 200 characters'); end if;
    if length(enqueue.traceparent) > 128 then perform faena.refuse(kind.name, 'traceparent', 'may have 128 characters at most'); end if;

    if enqueue.id is not null then
        select bool_or(known.name <> kind.name or known.args <> enqueue.args) into other from (
            select o.name, o.args from faena.outbox o where o.id = job_id union all select j.name, j.args from faena.jobs j where j.id = job_id
        ) known;
        if other then perform faena.refuse(kind.name, 'id', format('%s is another job: its name or its arguments differ', job_id)); end if;
        if not other then return job_id; end if;
    end if;

    full_args := faena.with_defaults(kind.schema, enqueue.args);
    words := faena.words_of_limits(kind, full_args);
    for long_by in
        select kind.limits -> (w.place - 1)::integer ->> 'by' from jsonb_array_elements_text(words) with ordinality w (word, place)
        where length(w.word) > 160
    loop
        perform faena.refuse(kind.name, faena.pointer_step(long_by), 'has a value too long for a limit to go by');
    end loop;
    unique_term := faena.term_of_unique(kind, full_args, enqueue.unique_key);
    terms := jsonb_strip_nulls(jsonb_build_object(
        'tenant', coalesce(enqueue.tenant, full_args ->> kind.tenant_field),
        'limits', words,
        'expires_at', floor(extract(epoch from enqueue.expires_at) * 1000)::bigint,
        'unique', unique_term));
    if unique_term is not null then
        holder := faena.take_unique(unique_term ->> 'key', job_id, (unique_term #>> '{until,passed}')::bigint, unique_term ->> 'until' = 'start');
        if holder is not null then
            insert into faena.jobs (id, queue, name, version, args, durability, state, reason, attempts, enqueued_at, run_at, ended_at, traceparent, terms)
            values (job_id, kind.lane, kind.name, kind.version, enqueue.args, 'outbox', 'cancelled', 'duplicate of ' || holder, 0,
                clock_timestamp(), enqueue.run_at, clock_timestamp(), enqueue.traceparent, terms)
            on conflict (id) do nothing;
            return holder;
        end if;
    end if;
    insert into faena.outbox (id, queue, name, version, args, run_at, traceparent, terms)
    values (job_id, kind.lane, kind.name, kind.version, enqueue.args, enqueue.run_at, enqueue.traceparent, nullif(terms, '{}'))
    on conflict (id) do nothing;
    -- Somebody else may have come in between: asked again after the insert, which waits for whoever writes this id, or its end, just now.
    if not found then
        select o.name <> kind.name or o.args <> enqueue.args into other from faena.outbox o where o.id = job_id;
    elsif enqueue.id is not null then
        select j.name <> kind.name or j.args <> enqueue.args into other from faena.jobs j where j.id = job_id;
        if found then delete from faena.outbox o where o.id = job_id; end if;
    end if;
    if other then perform faena.refuse(kind.name, 'id', format('%s is another job: its name or its arguments differ', job_id)); end if;
    perform pg_notify('faena_outbox', '');
    return job_id;
end $$;

-- Who may enqueue and do nothing else here: `grant faena_producer to somebody`. Where the owner of the database may not create roles, somebody
-- who may does so; `worker migrate` then opens the door.
create function faena.admit_producers() returns boolean language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    door regprocedure;
begin
    if not exists (select from pg_roles where rolname = 'faena_producer') then
        begin
            create role faena_producer nologin;
        exception
            -- Roles belong to the whole server: another database's migration may have been first.
            when duplicate_object or unique_violation then null;
            when insufficient_privilege then return false;
        end;
    end if;
    grant usage on schema faena to faena_producer;
    -- Functions of later migrations too: what is made is everybody's, until somebody says otherwise.
    revoke all on all functions in schema faena from public;
    for door in select oid from pg_proc where pronamespace = 'faena'::regnamespace and proname = 'enqueue' loop
        execute format('grant execute on function %s to faena_producer', door);
    end loop;
    return true;
end $$;
revoke all on all functions in schema faena from public;
select faena.admit_producers();

-- Programs that speak with the API. Only a token's hash is stored: a copy of this table opens no door.
create table faena.api_tokens (
    id bigint generated always as identity primary key,
    name text not null unique check (length(name) between 1 and 100),
    hash bytea not null unique check (octet_length(hash) = 32),
    scopes text[] not null check (cardinality(scopes) > 0 and scopes <@ array['jobs:enqueue', 'jobs:read']),
    -- Null: every kind of job.
    job_names text[] check (cardinality(job_names) > 0),
    created_at timestamptz not null default now(),
    created_by text not null check (length(created_by) between 1 and 320),
    expires_at timestamptz,
    revoked_at timestamptz,
    revoked_by text check (length(revoked_by) between 1 and 320),
    -- Written once a minute at most.
    last_used_at timestamptz,
    check ((revoked_at is null) = (revoked_by is null))
);

-- What the API answered under an idempotency key, for a day. The row is inserted in the transaction that enqueues: of two requests under one
-- key the second waits here for the first, and then gives its answer.
create table faena.api_answers (
    token_id bigint not null references faena.api_tokens on delete cascade,
    key text not null check (length(key) between 1 and 255),
    request_hash bytea not null check (octet_length(request_hash) = 32),
    job_id uuid not null,
    -- The job that was met, if the requested one is a duplicate of it.
    duplicate_of uuid,
    answered_at timestamptz not null default now(),
    primary key (token_id, key)
);
create index api_answers_by_age on faena.api_answers (answered_at);
