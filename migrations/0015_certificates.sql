-- Certificates: what somebody has completed, signed, and for anybody to check.

-- The public halves of the keys that have signed, for good: a key that no worker has any more still proves what it signed. A worker writes
-- its own here when it first signs with it, and refuses to sign under a name that stands for another key.
create table school.signing_keys (
    id text primary key check (id ~ '^[a-z0-9][a-z0-9-]{0,31}$'),
    -- Ed25519 (RFC 8032), 32 bytes.
    public_key bytea not null unique check (octet_length(public_key) = 32),
    first_used_at timestamptz not null default clock_timestamp()
);

-- One row a certificate, written in the transaction that completes the course; from then on its serial is fixed. The job `issue_certificate`
-- fills in what is printed and signed. What was printed stays as it is, whatever person and course are called later.
create table school.certificates (
    id uuid primary key,
    -- Printed, and where anybody checks it: 80 random bits in Crockford's base 32.
    serial text not null unique check (serial ~ '^CC(-[0-9A-HJKMNP-TV-Z]{4}){4}$'),
    user_id bigint not null references core.users,
    course_id bigint not null references school.courses,
    revision integer not null default 1 check (revision > 0),
    -- The one that it replaces, as soon as it is issued.
    supersedes uuid unique references school.certificates,
    completed_at timestamptz not null,
    requested_at timestamptz not null default clock_timestamp(),
    -- Who wanted another one, with which name and why; null: the course was completed.
    requested_by bigint references core.users on delete set null,
    request_note text not null default '' check (length(request_note) <= 500),
    -- Its place in the list that says which credentials count no more: random, so that neighbours tell nothing of each other.
    status_list integer not null check (status_list > 0),
    status_index integer not null check (status_index between 0 and 131071),
    -- What is printed. The name is here from the start where somebody has corrected it.
    holder_name text check (length(holder_name) between 1 and 200),
    course_title text,
    instructor text,
    hours integer,
    locale text check (locale in ('es', 'en')),
    completed_on date,
    -- Why it cannot be issued until a person has done something, in their words.
    problem text check (length(problem) <= 500),
    -- What is signed: JSON in its canonical form (RFC 8785), and what of it a reader needs to check it without us.
    statement bytea,
    signature bytea check (octet_length(signature) = 64),
    key_id text references school.signing_keys,
    -- The same as an Open Badges 3.0 credential, a JWT.
    credential text,
    pdf_sha256 bytea check (octet_length(pdf_sha256) = 32),
    pdf_bytes integer check (pdf_bytes > 0),
    issued_at timestamptz,
    ended_at timestamptz,
    ended_as text check (ended_as in ('revoked', 'superseded')),
    ended_by bigint references core.users on delete set null,
    -- Why it was revoked; anybody who checks it reads this.
    ended_note text not null default '' check (length(ended_note) <= 500),
    unique (user_id, course_id, revision),
    unique (status_list, status_index),
    check ((revision = 1) = (supersedes is null)),
    check ((ended_at is null) = (ended_as is null)),
    check (issued_at is null or num_nulls(holder_name, course_title, instructor, hours, locale, completed_on, statement, signature, key_id,
        credential, pdf_sha256, pdf_bytes) = 0),
    check (issued_at is null or problem is null)
);
-- Of one person's certificates for one course one counts, and one is on its way.
create unique index certificates_one_counts on school.certificates (user_id, course_id) where issued_at is not null and ended_at is null;
create unique index certificates_one_on_its_way on school.certificates (user_id, course_id) where issued_at is null and ended_at is null;
create index certificates_by_pdf on school.certificates (pdf_sha256) where pdf_sha256 is not null;
create index certificates_by_time on school.certificates (requested_at desc, id desc);
create index certificates_in_trouble on school.certificates (requested_at) where problem is not null and ended_at is null;

-- What was issued is proof: it ends, and nothing else of it changes.
create function school.keep_certificate() returns trigger language plpgsql as $$
declare
    endings constant text[] := array['ended_at', 'ended_as', 'ended_by', 'ended_note', 'requested_by'];
begin
    if old.issued_at is not null and to_jsonb(old) - endings is distinct from to_jsonb(new) - endings then
        raise exception 'certificate % is issued: reissue or revoke it', old.serial using errcode = 'restrict_violation';
    end if;
    if old.ended_at is not null and (old.ended_at, old.ended_as) is distinct from (new.ended_at, new.ended_as) then
        raise exception 'certificate % has ended', old.serial using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger kept before update on school.certificates for each row execute function school.keep_certificate();

-- Which credentials count no more, as a signed credential itself (W3C Bitstring Status List), ready to be served.
create table school.status_lists (
    list integer primary key check (list > 0),
    credential text not null,
    published_at timestamptz not null default clock_timestamp()
);
