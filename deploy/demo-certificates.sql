-- The demo's learner has bought a course and finished it; and the certificates of all who have finished one and have none, asked for as the last lesson asks
-- and issued by the worker. Applied with psql by deploy/up after demo-school.sql. Applying it again changes nothing.
--
-- There are some thirty. Each that is issued promises the list of those that ended anew (`publish_status_list`), of which one that waits is enough: the others end
-- as cancelled in the lane `default`, as duplicates of it.

do $demo$
declare
    sale uuid;
    person record;
    certificate uuid;
begin
    -- As demo-school.sql writes sales: not in the days that the nightly comparison looks at, and without a payment's name.
    insert into school.sales (id, user_id, course_id, provider, state, amount_minor, currency, description, locale, checkout_key, checkout_ref,
                              charged_minor, charged_currency, created_at, updated_at, expires_at, paid_at)
    select s.id, u.id, c.id, 'stripe', 'paid', c.price_minor, c.currency, left(c.title, 127), u.locale, 'demo:' || s.id, 'demo_checkout_' || s.id,
           c.price_minor, c.currency, s.at - interval '4 minutes', s.at, s.at + interval '1 hour', s.at
    from core.users u
    join school.courses c on c.slug = 'html-y-css-con-criterio' and c.price_minor > 0
    cross join lateral (select md5('sale' || u.email || c.slug)::uuid as id, now() - interval '40 days' as at) s
    where u.email = 'aprendiz@faena.example'
      and not exists (select from school.sales t where (t.user_id, t.course_id) = (u.id, c.id))
    on conflict do nothing
    returning id into sale;
    if sale is not null then
        insert into school.ledger_transactions (sale_id, provider, kind, source_ref, effective_at, posted_at)
        select s.id, s.provider, k.kind, 'demo_payment_' || s.id, s.paid_at, s.paid_at
        from school.sales s, (values ('charge'), ('fee')) as k (kind) where s.id = sale;
        insert into school.ledger_lines (transaction_id, account, currency, amount_minor)
        select t.id, l.account, s.currency, l.amount_minor
        from school.sales s
        join school.ledger_transactions t on t.sale_id = s.id
        cross join lateral (select s.amount_minor * 29 / 1000 + 90000 as minor) fee
        join lateral (values ('charge', 'clearing', s.amount_minor), ('charge', 'revenue', -s.amount_minor), ('fee', 'fees', fee.minor), ('fee', 'clearing', -fee.minor))
            as l (kind, account, amount_minor) on l.kind = t.kind
        where s.id = sale;
        insert into school.enrolments as e (user_id, course_id, sale_id, enrolled_at, completed_at)
        select s.user_id, s.course_id, s.id, s.paid_at, now() - interval '2 days' from school.sales s where s.id = sale
        on conflict (user_id, course_id) do update set sale_id = coalesce(e.sale_id, excluded.sale_id);
        insert into school.progress (user_id, section_id, completed_at)
        select e.user_id, x.id, e.enrolled_at + (e.completed_at - e.enrolled_at) * x.position / (select count(*) from school.sections y where y.course_id = x.course_id)
        from school.enrolments e
        join school.sections x on x.course_id = e.course_id
        where e.sale_id = sale and e.completed_at is not null
        on conflict do nothing;
    end if;
    for person in
        select e.user_id, e.course_id, e.completed_at
        from school.enrolments e
        where e.completed_at is not null and e.state = 'active'
          and not exists (select from school.certificates c where (c.user_id, c.course_id) = (e.user_id, e.course_id))
        order by e.completed_at
    loop
        certificate := null;
        -- Chance may choose a place that is taken.
        for attempt in 1..20 loop
            -- Sixteen hexadecimal digits are a serial as good as any.
            insert into school.certificates (id, serial, user_id, course_id, completed_at, status_list, status_index)
            select gen_random_uuid(), 'CC' || regexp_replace(upper(substr(md5(gen_random_uuid()::text), 1, 16)), '(.{4})', '-\1', 'g'),
                   person.user_id, person.course_id, person.completed_at, 1, floor(random() * 131072)::integer
            on conflict do nothing
            returning id into certificate;
            exit when certificate is not null;
        end loop;
        if certificate is not null then
            perform faena.enqueue('issue_certificate', jsonb_build_object('certificate_id', certificate));
        end if;
    end loop;
end $demo$;
