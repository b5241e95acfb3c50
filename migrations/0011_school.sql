-- The school: courses and who takes them, sales and the money that they move.

create schema school;

-- Money is an integer of the currency's smallest unit, beside its currency (ISO 4217). Nothing is a fraction.
create table school.courses (
    id bigint generated always as identity primary key,
    -- Its place in addresses.
    slug text not null unique check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(slug) <= 80),
    title text not null check (length(title) between 1 and 160),
    summary text not null check (length(summary) between 1 and 300),
    description text not null default '',
    instructor_id bigint not null references core.users,
    -- The language that it is taught in.
    locale text not null default 'es' check (locale in ('es', 'en')),
    level text not null check (level in ('beginner', 'intermediate', 'advanced')),
    -- What a certificate says it took.
    hours integer not null check (hours between 1 and 500),
    price_minor bigint not null check (price_minor >= 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    status text not null default 'draft' check (status in ('draft', 'published', 'retired')),
    published_at timestamptz,
    created_at timestamptz not null default now(),
    check (status = 'draft' or published_at is not null)
);
create index courses_in_catalogue on school.courses (published_at desc) where status = 'published';

create table school.sections (
    id bigint generated always as identity primary key,
    course_id bigint not null references school.courses on delete cascade,
    position integer not null check (position between 1 and 1000),
    title text not null check (length(title) between 1 and 160),
    -- Paragraphs stand apart by an empty line; lines that begin with four spaces are code.
    body text not null default '',
    -- A video that somebody else shows, by its id there.
    video_host text check (video_host in ('youtube', 'vimeo')),
    video_ref text check (video_ref ~ '^[A-Za-z0-9_-]{1,32}$'),
    minutes integer not null check (minutes between 1 and 600),
    -- Who has completed every required section has completed the course.
    is_required boolean not null default true,
    -- Deferrable: sections change places within a transaction.
    unique (course_id, position) deferrable initially deferred,
    check ((video_host is null) = (video_ref is null))
);

-- One purchase of one course by one person. Its state is the sum of what the provider has told us; it is written in one place only
-- (jobs/src/payments/apply.rs), and moves as that file's picture shows.
create table school.sales (
    id uuid primary key,
    user_id bigint not null references core.users,
    course_id bigint not null references school.courses,
    provider text not null check (provider in ('stripe', 'paypal', 'free')),
    state text not null default 'pending'
        check (state in ('pending', 'paid', 'part_refunded', 'refunded', 'disputed', 'lost', 'review', 'expired', 'failed')),
    amount_minor bigint not null check (amount_minor >= 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    -- What the provider shows to the person, and in which language. Kept, because a request that is repeated under its idempotency key
    -- must be the same to the letter.
    description text not null check (length(description) between 1 and 127),
    locale text not null check (locale in ('es', 'en')),
    -- Under what key the checkout is asked for: written before the request leaves, and never changed.
    checkout_key text not null unique,
    -- The provider's names for it: the checkout, where the person pays, and the payment, once there is one.
    checkout_ref text,
    checkout_url text,
    payment_ref text,
    -- What arrived and what went back, in the currency in which it arrived.
    charged_minor bigint not null default 0 check (charged_minor >= 0),
    charged_currency text check (charged_currency ~ '^[A-Z]{3}$'),
    refunded_minor bigint not null default 0 check (refunded_minor between 0 and charged_minor),
    -- Why a person has to look at it, until somebody has.
    review_reason text check (review_reason in ('amount', 'currency', 'account', 'livemode', 'sale', 'second_payment')),
    review_closed_at timestamptz,
    review_closed_by bigint references core.users on delete set null,
    -- Why it failed, for the person.
    failure text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- From then on an unpaid sale blocks nobody; a payment that comes later still counts.
    expires_at timestamptz not null,
    paid_at timestamptz,
    unique (provider, checkout_ref),
    unique (provider, payment_ref),
    check ((provider = 'free') = (amount_minor = 0)),
    check ((charged_minor = 0) or (charged_currency is not null)),
    check (state <> 'review' or review_reason is not null),
    check (state not in ('paid', 'part_refunded', 'refunded', 'disputed', 'lost') or paid_at is not null)
);
-- Nobody buys a course twice, whatever the provider. What is in review or has expired may be paid all the same: see apply.rs.
create unique index sales_one_live on school.sales (user_id, course_id)
    where state in ('pending', 'paid', 'part_refunded', 'disputed');
create index sales_by_course on school.sales (course_id, paid_at);
create index sales_by_time on school.sales (created_at desc, id desc);
create index sales_pending on school.sales (created_at) where state = 'pending';
create index sales_in_review on school.sales (updated_at) where state = 'review';

create table school.enrolments (
    user_id bigint not null references core.users on delete cascade,
    course_id bigint not null references school.courses,
    -- What opened the course; none: somebody let them in.
    sale_id uuid references school.sales,
    state text not null default 'active' check (state in ('active', 'suspended', 'revoked')),
    enrolled_at timestamptz not null default now(),
    -- When the last required section was completed. Later sections do not take it back.
    completed_at timestamptz,
    primary key (user_id, course_id)
);
create index enrolments_by_course on school.enrolments (course_id, enrolled_at);

create table school.progress (
    user_id bigint not null references core.users on delete cascade,
    section_id bigint not null references school.sections on delete cascade,
    completed_at timestamptz not null default now(),
    primary key (user_id, section_id)
);

-- What providers told us, as it came: each event once, whatever its sender repeats. It only says "look at this sale": what is written
-- about money is asked of the provider.
create table school.payment_events (
    provider text not null check (provider in ('stripe', 'paypal')),
    event_id text not null check (length(event_id) between 1 and 255),
    type text not null check (length(type) between 1 and 120),
    -- What it is about, by the provider's name.
    object_ref text not null check (length(object_ref) <= 255),
    payment_ref text check (length(payment_ref) <= 255),
    livemode boolean not null,
    body bytea not null check (octet_length(body) <= 262144),
    sale_id uuid references school.sales,
    happened_at timestamptz not null,
    received_at timestamptz not null default clock_timestamp(),
    -- `applied`: the sale was asked about afterwards. `ignored`: it is about no sale of ours.
    outcome text check (outcome in ('applied', 'ignored')),
    processed_at timestamptz,
    primary key (provider, event_id),
    check ((outcome is null) = (processed_at is null))
);
create index payment_events_open on school.payment_events (received_at) where processed_at is null;
create index payment_events_by_sale on school.payment_events (sale_id, received_at);

-- Money that goes back: asked for here, or seen at the provider.
create table school.refunds (
    id uuid primary key,
    sale_id uuid not null references school.sales,
    -- Who wanted it: an administrator, the rule about second payments, or somebody at the provider's own pages.
    origin text not null check (origin in ('admin', 'second_payment', 'provider')),
    requested_by bigint references core.users on delete set null,
    reason text not null default '' check (length(reason) <= 500),
    amount_minor bigint not null check (amount_minor > 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    -- The provider's name for it. The request's idempotency key is made of our id, so it is written before the request leaves.
    provider_ref text unique,
    state text not null default 'requested' check (state in ('requested', 'pending', 'succeeded', 'failed')),
    failure text,
    created_at timestamptz not null default now(),
    settled_at timestamptz,
    check ((state in ('succeeded', 'failed')) = (settled_at is not null))
);
create index refunds_by_sale on school.refunds (sale_id, created_at);

create table school.disputes (
    provider text not null check (provider in ('stripe', 'paypal')),
    dispute_ref text not null,
    sale_id uuid not null references school.sales,
    state text not null check (state in ('open', 'won', 'lost')),
    amount_minor bigint not null check (amount_minor > 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    opened_at timestamptz not null,
    closed_at timestamptz,
    primary key (provider, dispute_ref),
    check ((state = 'open') = (closed_at is null))
);
create index disputes_by_sale on school.disputes (sale_id);

-- The ledger, in double entry: what a movement takes from one account it gives to another, so the lines of each transaction add up to
-- nothing. A movement is known by the provider's name for it and written once; a mistake is undone by another, never by a change.
create table school.ledger_transactions (
    id bigint generated always as identity primary key,
    sale_id uuid not null references school.sales,
    provider text not null check (provider in ('stripe', 'paypal')),
    kind text not null check (kind in ('charge', 'fee', 'refund', 'refund_reversal', 'dispute', 'dispute_reversal')),
    source_ref text not null,
    -- When the money moved, by the provider's clock: the day that it counts for.
    effective_at timestamptz not null,
    posted_at timestamptz not null default clock_timestamp(),
    unique (provider, kind, source_ref)
);
create index ledger_by_time on school.ledger_transactions (effective_at);
create index ledger_by_sale on school.ledger_transactions (sale_id);

-- Positive: debited. `clearing` is the money at the provider; `suspense` holds what arrived and is no sale (a wrong amount, a second
-- payment) until it has gone back.
create table school.ledger_lines (
    transaction_id bigint not null references school.ledger_transactions,
    account text not null check (account in ('clearing', 'revenue', 'fees', 'refunds', 'disputes', 'suspense')),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    amount_minor bigint not null check (amount_minor <> 0),
    primary key (transaction_id, account, currency)
);

-- Judged at the commit, when all lines are there.
create function school.judge_balance() returns trigger language plpgsql as $$
declare
    judged bigint := case tg_table_name when 'ledger_lines' then (to_jsonb(new) ->> 'transaction_id')::bigint else (to_jsonb(new) ->> 'id')::bigint end;
begin
    if not exists (select from school.ledger_lines where transaction_id = judged)
        or exists (select from school.ledger_lines where transaction_id = judged group by currency having sum(amount_minor) <> 0) then
        raise exception 'ledger transaction % does not balance', judged using errcode = 'check_violation';
    end if;
    return null;
end $$;
create constraint trigger balanced after insert on school.ledger_lines
    deferrable initially deferred for each row execute function school.judge_balance();
create constraint trigger balanced after insert on school.ledger_transactions
    deferrable initially deferred for each row execute function school.judge_balance();

create function school.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is only added to', tg_table_name using errcode = 'restrict_violation';
end $$;
create trigger only_added_to before update or delete on school.ledger_transactions
    for each row execute function school.refuse_change();
create trigger only_added_to before update or delete on school.ledger_lines
    for each row execute function school.refuse_change();
create trigger never_emptied before truncate on school.ledger_transactions execute function school.refuse_change();
create trigger never_emptied before truncate on school.ledger_lines execute function school.refuse_change();

-- What each sale brought and gave back, a movement a row: what statistics are made of. Income is positive; what stands in suspense is
-- no income.
create view school.sale_movements as
select t.id as transaction_id, t.sale_id, s.course_id, t.kind, t.effective_at, l.account, l.currency, -l.amount_minor as amount_minor
from school.ledger_transactions t
join school.ledger_lines l on l.transaction_id = t.id and l.account in ('revenue', 'refunds', 'disputes')
join school.sales s on s.id = t.sale_id;
