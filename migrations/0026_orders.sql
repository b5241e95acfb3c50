-- Orders that could never run are refused; what expires while it waits is found; ids of one caller keep their order; queues can be paused whole;
-- and producers may read the catalogue that they enqueue by.

-- What a worker looks for once a second.
create index outbox_by_expiry on faena.outbox (((terms ->> 'expires_at')::bigint)) where terms ? 'expires_at';

alter table faena.pauses drop constraint pauses_what_check, add constraint pauses_what_check
    check (length(what) <= 400 and what ~ '^((job|tenant):[!-~]+|queue:(critical|default|low))$');

-- Another job that did what a tick's own asked for, which therefore did not run.
alter table faena.schedule_ticks add column duplicate_of uuid;

-- A new job id: UUIDv7 (RFC 9562) with the microsecond in `rand_a` (its section 6.2, method 3), so that what one caller enqueues one after the other
-- is claimed in that order.
create or replace function faena.new_job_id() returns uuid language sql volatile as $$
    select encode(overlay(overlay(uuid_send(gen_random_uuid())
        placing substring(int8send(micros / 1000) from 3) from 1 for 6)
        placing substring(int8send(28672 + (micros % 1000) * 4096 / 1000) from 7) from 7 for 2), 'hex')::uuid
    from (select (extract(epoch from clock_timestamp()) * 1000000)::bigint as micros) now
$$;

create or replace function faena.enqueue(
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
    if not faena.is_tenant(enqueue.tenant) then perform faena.refuse(kind.name, 'tenant', 'must have from 1 to 120 characters that print'); end if;
    if enqueue.unique_key !~ '^[^[:cntrl:]]{1,200}$' then perform faena.refuse(kind.name, 'unique_key', 'must have from 1 to 200 characters'); end if;
    if not faena.is_traceparent(enqueue.traceparent) then
        perform faena.refuse(kind.name, 'traceparent', 'is none by W3C Trace Context, for example 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
    end if;

    if enqueue.id is not null then
        select bool_or(known.name <> kind.name or known.args <> enqueue.args),
               max(substring(known.reason from '^duplicate of ([0-9a-f-]{36})$'))::uuid into other, holder
        from (
            select o.name, o.args, null as reason from faena.outbox o where o.id = job_id
            union all
            select j.name, j.args, case when j.state = 'cancelled' then j.reason end from faena.jobs j where j.id = job_id
        ) known;
        if other then perform faena.refuse(kind.name, 'id', format('%s is another job: its name or its arguments differ', job_id)); end if;
        -- Asked again, the same is answered: of a duplicate, whom it met.
        if not other then return coalesce(holder, job_id); end if;
    end if;

    -- Who asks again is answered above, also when it has become late.
    if enqueue.expires_at <= greatest(enqueue.run_at, clock_timestamp()) then
        perform faena.refuse(kind.name, 'expires_at', case when enqueue.expires_at <= clock_timestamp() then 'has passed: the job would never run'
            else 'must be later than run_at: the job would never run' end);
    end if;

    full_args := faena.with_defaults(kind.schema, enqueue.args);
    if enqueue.tenant is null and not faena.is_tenant(full_args ->> kind.tenant_field) then
        perform faena.refuse(kind.name, faena.pointer_step(kind.tenant_field), 'must have from 1 to 120 characters that print: it says for whom the job is done');
    end if;
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

create or replace function faena.admit_producers() returns boolean language plpgsql set search_path = pg_catalog, pg_temp as $$
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
    grant select on faena.job_kinds to faena_producer;
    -- Functions of later migrations too: what is made is everybody's, until somebody says otherwise.
    revoke all on all functions in schema faena from public;
    for door in select oid from pg_proc where pronamespace = 'faena'::regnamespace and proname = 'enqueue' loop
        execute format('grant execute on function %s to faena_producer', door);
    end loop;
    return true;
end $$;

revoke all on all functions in schema faena from public;
select faena.admit_producers();
