-- What the school decides for itself, in one row: `worker school` shows and changes it.
create table school.settings (
    only_one boolean primary key default true check (only_one),
    -- By which clock a day of the business begins and ends: a zone of the IANA database, which Postgres knows.
    time_zone text not null default 'America/Bogota' check (length(time_zone) between 1 and 64),
    -- What becomes of the certificate of a course when all its money goes back: it is kept, or revoked.
    certificates_after_refund text not null default 'keep' check (certificates_after_refund in ('keep', 'revoke'))
);
insert into school.settings default values;

-- The day that an instant belongs to where the business is.
create or replace function school.business_day(at timestamptz) returns date language sql stable as $$
    select (at at time zone time_zone)::date from school.settings
$$;

-- When that day begins there. Stable, so that Postgres knows beforehand how much of an index it is about.
create function school.day_begins(day date) returns timestamptz language sql stable as $$
    select day::timestamp at time zone time_zone from school.settings
$$;

-- Each movement with its day. The zone is asked for once: a function that reads a table would read it for every movement.
create or replace view school.sale_movements as
select t.id as transaction_id, t.sale_id, s.course_id, t.kind, t.effective_at, l.account, l.currency, -l.amount_minor as amount_minor,
    (t.effective_at at time zone (select time_zone from school.settings))::date as day
from school.ledger_transactions t
join school.ledger_lines l on l.transaction_id = t.id and l.account in ('revenue', 'refunds', 'disputes')
join school.sales s on s.id = t.sale_id;

-- A movement may be written by one clock and be rolled up by another: its instant is noted beside its day, and counts. Where a whole day is to be
-- rolled up again there is none.
alter table school.sales_changes add column effective_at timestamptz;
create or replace function school.note_sales_change() returns trigger language plpgsql as $$
begin
    insert into school.sales_changes (day, effective_at)
    select distinct (n.effective_at at time zone (select time_zone from school.settings))::date, n.effective_at from news n;
    return null;
end $$;

-- The days that are to be rolled up, by the clock of now.
create view school.changed_days as
select id, case when effective_at is null then day else (effective_at at time zone (select time_zone from school.settings))::date end as day
from school.sales_changes;

-- Which signs of its holder's name no font has, so that they can be told what to do about it. Empty: something else is in the way.
alter table school.certificates add column unprintable text not null default '' check (length(unprintable) <= 200);

-- A certificate that was revoked because the money of its course went back: another is issued when the course is paid again.
alter table school.certificates add column ended_for_refund boolean not null default false;
create or replace function school.keep_certificate() returns trigger language plpgsql as $$
declare
    endings constant text[] := array['ended_at', 'ended_as', 'ended_by', 'ended_note', 'ended_for_refund', 'requested_by'];
begin
    if old.issued_at is not null and to_jsonb(old) - endings is distinct from to_jsonb(new) - endings then
        raise exception 'certificate % is issued: reissue or revoke it', old.serial using errcode = 'restrict_violation';
    end if;
    if old.ended_at is not null and (old.ended_at, old.ended_as) is distinct from (new.ended_at, new.ended_as) then
        raise exception 'certificate % has ended', old.serial using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
