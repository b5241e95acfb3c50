-- What the school's sales come to, by day, course and currency. The fact is a movement of the ledger at the time when the money moved, and never a
-- sale's present state: a refund is a movement of its own day, and what an earlier day came to does not change by it.

-- The day that an instant belongs to where the business is.
create function school.business_day(at timestamptz) returns date language sql immutable as $$
    select (at at time zone 'America/Bogota')::date
$$;

-- Each movement with its day.
create or replace view school.sale_movements as
select t.id as transaction_id, t.sale_id, s.course_id, t.kind, t.effective_at, l.account, l.currency, -l.amount_minor as amount_minor,
    school.business_day(t.effective_at) as day
from school.ledger_transactions t
join school.ledger_lines l on l.transaction_id = t.id and l.account in ('revenue', 'refunds', 'disputes')
join school.sales s on s.id = t.sale_id;

-- The roll-up: what each day came to, kept as movements come. Amounts are of the currency's smallest unit and never summed over currencies.
create table school.sales_daily (
    day date not null,
    course_id bigint not null references school.courses,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    -- Purchases, and what they brought.
    sales bigint not null check (sales >= 0),
    gross_minor bigint not null check (gross_minor >= 0),
    -- Refunds, and what they and disputes took back that day; less what disputes gave back.
    refunds bigint not null check (refunds >= 0),
    returned_minor bigint not null,
    primary key (day, course_id, currency)
);

-- The days that movements have come for since they were last rolled up. Each movement adds a row, also where its day has one already: a row that
-- is not committed yet is left for the next roll-up, and none is lost.
create table school.sales_changes (
    id bigint generated always as identity primary key,
    day date not null
);
create function school.note_sales_change() returns trigger language plpgsql as $$
begin
    insert into school.sales_changes (day) select distinct school.business_day(n.effective_at) from news n;
    return null;
end $$;
create trigger note_sales_change after insert on school.ledger_transactions
    referencing new table as news for each statement execute function school.note_sales_change();
insert into school.sales_changes (day) select distinct school.business_day(effective_at) from school.ledger_transactions;

-- What an administrator looks at: days over all courses. It is made of the roll-up, so that its refresh costs what the days cost and not what the
-- sales do; each night it is compared with the ledger itself (`compare_sales_statistics`).
create materialized view school.estadisticas_ventas as
select day as dia, currency as moneda, sum(sales)::bigint as total_ventas, sum(gross_minor)::bigint as bruto_minor,
    sum(refunds)::bigint as devoluciones, sum(returned_minor)::bigint as devuelto_minor,
    (sum(gross_minor) - sum(returned_minor))::bigint as neto_minor
from school.sales_daily
group by day, currency;
create unique index estadisticas_ventas_dia on school.estadisticas_ventas (dia, moneda);

-- How fresh they are: one row.
create table school.sales_statistics (
    only_one boolean primary key default true check (only_one),
    -- Every movement that had been committed by then is in them.
    complete_to timestamptz,
    -- How long the last refresh took, and how many days it rolled up.
    duration_ms integer,
    days integer,
    -- The last attempt, if it failed, and why.
    failed_at timestamptz,
    failure text,
    -- When they were last compared with the ledger, and on how many days they differed.
    compared_at timestamptz,
    differing_days integer
);
insert into school.sales_statistics default values;
