-- What an instructor tells everybody in a course.
create table school.announcements (
    id bigint generated always as identity primary key,
    course_id bigint not null references school.courses,
    author_id bigint not null references core.users,
    title text not null check (length(title) between 1 and 120),
    body text not null check (length(body) between 1 and 10000),
    -- The form that it was written in: sent twice, it is one announcement.
    form_key uuid not null unique,
    created_at timestamptz not null default now(),
    -- How many letters were promised, once all of them are.
    letters integer check (letters >= 0),
    told_at timestamptz,
    check ((letters is null) = (told_at is null))
);
create index announcements_by_course on school.announcements (course_id, created_at desc, id desc);

-- Everybody in a course, a part at a time.
create index enrolments_in_turn on school.enrolments (course_id, user_id);
