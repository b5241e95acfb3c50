-- What operators decide holds although Redis may forget its last words, or all of them, and although a worker comes back whom nobody expects any more.

-- The end that an operator undid when the job was promised anew. A Redis that has forgotten its last second may tell of that end once more.
alter table faena.outbox add column undone_end_at timestamptz;

-- When an operator changed it last. What Redis holds of it says the same, or is from before.
alter table faena.outbox add column edited_at timestamptz;
create index outbox_edited on faena.outbox (queue, edited_at) where edited_at is not null;

-- Whose an effect row was before it was barred, which is said by (0, 0): an operator's retry gives it back, or every older delivery would have a word in it.
alter table faena.effects add column barred_epoch bigint, add column barred_fence bigint;

-- A wish to cancel that Redis has heard of stands until the promise has its end in the ledger: then Redis may forget it.
alter table faena.commands add column stands boolean not null default false;
create index commands_standing on faena.commands (id) where stands;

-- As 0026 has it, but that a job whose arguments an operator has changed is still the one that was asked for.
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
        select bool_or(known.name <> kind.name or known.args <> enqueue.args
                   and not exists (select from faena.commands c where c.job_id = known.id and c.verb = 'edit')),
               max(substring(known.reason from '^duplicate of ([0-9a-f-]{36})$'))::uuid into other, holder
        from (
            select o.id, o.name, o.args, null as reason from faena.outbox o where o.id = job_id
            union all
            select j.id, j.name, j.args, case when j.state = 'cancelled' then j.reason end from faena.jobs j where j.id = job_id
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
        select o.name <> kind.name or o.args <> enqueue.args
            and not exists (select from faena.commands c where c.job_id = o.id and c.verb = 'edit') into other from faena.outbox o where o.id = job_id;
    elsif enqueue.id is not null then
        select j.name <> kind.name or j.args <> enqueue.args
            and not exists (select from faena.commands c where c.job_id = j.id and c.verb = 'edit') into other from faena.jobs j where j.id = job_id;
        if found then delete from faena.outbox o where o.id = job_id; end if;
    end if;
    if other then perform faena.refuse(kind.name, 'id', format('%s is another job: its name or its arguments differ', job_id)); end if;
    perform pg_notify('faena_outbox', '');
    return job_id;
end $$;
