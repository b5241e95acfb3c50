-- Operators may change what a job that does not run is to do, and remove a job that is over.

alter table faena.commands drop constraint commands_verb_check, add constraint commands_verb_check check (verb in ('retry', 'cancel', 'edit', 'delete'));
-- What is left of a deleted job is that somebody had it deleted; that goes by itself.
create index commands_deletions on faena.commands (asked_at, id) where verb = 'delete';

-- Gives a promise other arguments, another time, or both; null: as it is. The arguments are checked as `faena.enqueue` does, against what is
-- published now; what they say of limits, tenant and uniqueness is read anew, all but what whoever enqueued the job said otherwise. The relay
-- pushes it anew: whoever calls this has taken it out of Redis, or does so before this transaction ends.
create function faena.edit(job_id uuid, new_args jsonb, new_run_at timestamptz) returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    old faena.outbox;
    kind faena.job_kinds;
    flaw text[];
    old_args jsonb;
    full_args jsonb;
    words jsonb;
    long_by text;
    unique_term jsonb;
    terms jsonb;
    holder uuid;
begin
    select * into strict old from faena.outbox o where o.id = edit.job_id for update;
    terms := coalesce(old.terms, '{}');
    if new_run_at not between '0001-01-01 UTC' and '9999-12-31 UTC' then
        perform faena.refuse(old.name, 'run_at', 'must be a time of the years 1 to 9999');
    end if;
    if to_timestamp((terms ->> 'expires_at')::bigint / 1000.0) <= greatest(new_run_at, clock_timestamp()) then
        perform faena.refuse(old.name, 'run_at', 'must be earlier than the job expires: it would never run');
    end if;

    if new_args is not null then
        select * into kind from faena.job_kinds k where k.name = old.name;
        if not found then perform faena.refuse_name(old.name); end if;
        if cardinality(kind.secret_fields) > 0 then
            perform faena.refuse(kind.name, 'args', 'holds secrets, which nobody can read and write back: cancel the job and enqueue another');
        end if;
        if octet_length(new_args::text) > 65536 then
            perform faena.refuse(kind.name, 'args', format('has %s bytes; 65536 are allowed', octet_length(new_args::text)));
        end if;
        flaw := faena.find_flaw(kind.schema, new_args, '', kind.schema, 0);
        if flaw is not null then perform faena.refuse(kind.name, flaw[1], flaw[2]); end if;
        if jsonb_path_exists(new_args, 'strict $.**{120 to last}') then perform faena.refuse(kind.name, 'args', 'is nested too deeply'); end if;

        old_args := faena.with_defaults(kind.schema, old.args);
        full_args := faena.with_defaults(kind.schema, new_args);
        words := faena.words_of_limits(kind, full_args);
        for long_by in
            select kind.limits -> (w.place - 1)::integer ->> 'by' from jsonb_array_elements_text(words) with ordinality w (word, place)
            where length(w.word) > 160
        loop
            perform faena.refuse(kind.name, faena.pointer_step(long_by), 'has a value too long for a limit to go by');
        end loop;
        terms := terms - 'limits' || jsonb_strip_nulls(jsonb_build_object('limits', words));
        if terms ->> 'tenant' is not distinct from old_args ->> kind.tenant_field then
            if not faena.is_tenant(full_args ->> kind.tenant_field) then
                perform faena.refuse(kind.name, faena.pointer_step(kind.tenant_field), 'must have from 1 to 120 characters that print: it says for whom the job is done');
            end if;
            terms := terms - 'tenant' || jsonb_strip_nulls(jsonb_build_object('tenant', full_args ->> kind.tenant_field));
        end if;
        -- A key that was chosen, or waived, by whoever enqueued the job stays so.
        if terms -> 'unique' ->> 'key' is not distinct from faena.term_of_unique(kind, old_args, null) ->> 'key' then
            unique_term := faena.term_of_unique(kind, full_args, null);
            terms := terms - 'unique' || jsonb_strip_nulls(jsonb_build_object('unique', unique_term));
        end if;
        -- What earlier attempts have got to, they have got to with other arguments.
        update faena.effects e set checkpoint = null where e.job_id = edit.job_id and e.checkpoint is not null;
    end if;

    unique_term := terms -> 'unique';
    delete from faena.unique_holders h where h.job_id = edit.job_id and h.key is distinct from unique_term ->> 'key';
    if unique_term is not null then
        holder := faena.take_unique(unique_term ->> 'key', edit.job_id, (unique_term #>> '{until,passed}')::bigint, unique_term ->> 'until' = 'start');
        if holder is not null then perform faena.refuse(old.name, 'args', format('ask for what another job already does: %s', holder)); end if;
    end if;
    update faena.outbox o set
        args = coalesce(new_args, o.args),
        version = case when new_args is null then o.version else kind.version end,
        run_at = coalesce(new_run_at, o.run_at),
        terms = nullif(terms, '{}'),
        pushed_at = null
    where o.id = edit.job_id;
    perform pg_notify('faena_outbox', '');
end $$;
