-- The demo's certificates: those of a course that its learner has finished and of the last who did, asked for as the last lesson asks and issued by the
-- worker. Applied with psql by deploy/up after demo-school.sql. Applying it again changes nothing.

do $demo$
declare
    person record;
    certificate uuid;
begin
    if exists (select from school.certificates) then
        return;
    end if;
    insert into school.enrolments (user_id, course_id, enrolled_at, completed_at)
    select u.id, c.id, now() - interval '40 days', now() - interval '2 days'
    from core.users u, school.courses c where u.email = 'aprendiz@faena.example' and c.slug = 'html-y-css-con-criterio'
    on conflict do nothing;
    insert into school.progress (user_id, section_id, completed_at)
    select e.user_id, s.id, e.completed_at
    from school.enrolments e
    join core.users u on u.id = e.user_id and u.email = 'aprendiz@faena.example'
    join school.sections s on s.course_id = e.course_id
    where e.completed_at is not null
    on conflict do nothing;
    for person in
        select e.user_id, e.course_id, e.completed_at
        from school.enrolments e join core.users u on u.id = e.user_id
        where e.completed_at is not null and e.state = 'active'
        order by (u.email = 'aprendiz@faena.example') desc, e.completed_at desc limit 8
    loop
        -- Sixteen hexadecimal digits are a serial as good as any.
        insert into school.certificates (id, serial, user_id, course_id, completed_at, status_list, status_index)
        select gen_random_uuid(), 'CC' || regexp_replace(upper(substr(md5(gen_random_uuid()::text), 1, 16)), '(.{4})', '-\1', 'g'),
               person.user_id, person.course_id, person.completed_at, 1, floor(random() * 131072)::integer
        returning id into certificate;
        perform faena.enqueue('issue_certificate', jsonb_build_object('certificate_id', certificate));
    end loop;
end $demo$;
