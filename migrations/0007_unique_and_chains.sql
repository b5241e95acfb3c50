-- Unique jobs. Who holds a key is decided here, in the transaction that enqueues: of any number that want the same, one gets it.
create table faena.unique_holders (
    -- The kind of job, and what tells one such job from another.
    key text primary key check (length(key) between 1 and 200),
    job_id uuid not null,
    -- Null: until the job starts or ends, as its terms say; whoever writes that removes the row.
    until timestamptz
);
create index unique_holders_by_until on faena.unique_holders (until) where until is not null;

-- Takes a key for a job; answers who holds it, if that is another job, and otherwise null. Of transactions that want one key at the same
-- time, the later ones wait until the first has ended. Each statement sees what was committed before it.
--
-- `at_start`: the key is free again when its holder's first attempt begins. Whoever meets the holder locks the row against that, so that
-- the attempt begins after this transaction's commit and sees what it wrote. Otherwise nobody waits for the end of this transaction.
create function faena.take_unique(wanted text, taker uuid, for_ms bigint, at_start boolean) returns uuid language plpgsql as $$
declare
    -- A thousand years are for ever. (least() passes over a null.)
    free_at timestamptz := case when for_ms is not null
        then clock_timestamp() + make_interval(secs => least(for_ms, 31536000000000) / 1000.0) end;
    holder faena.unique_holders;
begin
    loop
        insert into faena.unique_holders (key, job_id, until) values (wanted, taker, free_at) on conflict (key) do nothing;
        if found then
            return null;
        end if;
        if at_start then
            select * into holder from faena.unique_holders where key = wanted for share;
        else
            select * into holder from faena.unique_holders where key = wanted;
        end if;
        -- Otherwise it was given back in this moment, and is tried again.
        if found then
            if holder.job_id = taker then
                return null;
            end if;
            if holder.until is null or holder.until > clock_timestamp() then
                return holder.job_id;
            end if;
            update faena.unique_holders set job_id = taker, until = free_at
            where key = wanted and job_id = holder.job_id and until <= clock_timestamp();
            if found then
                return null;
            end if;
        end if;
    end loop;
end $$;
