-- A certificate that is issued, whose file is the one of `aa…`, and one that is still to be issued.
insert into school.courses (slug, title, summary, instructor_id, level, hours, price_minor, currency)
select 'git', 'Git', 'Sin sustos.', id, 'beginner', 8, 0, 'COP' from core.users;
insert into school.signing_keys (id, public_key) values ('k1', sha256('k1'));
insert into school.certificates (id, serial, user_id, course_id, completed_at, status_list, status_index, holder_name, course_title, instructor, hours, locale,
    completed_on, statement, signature, key_id, credential, pdf_sha256, pdf_bytes, issued_at)
select '00000000-0000-4000-8000-000000000001', 'CC-7Q4M-2K9T-X8WB-51DN', u.id, c.id, now(), 1, 1, 'Ana', 'Git', 'Ana', 8, 'es', current_date, 'x',
    decode(repeat('00', 64), 'hex'), 'k1', 'x', decode(repeat('aa', 32), 'hex'), 1, now()
from core.users u, school.courses c;
insert into school.courses (slug, title, summary, instructor_id, level, hours, price_minor, currency)
select 'rust', 'Rust', 'Sin sustos.', id, 'beginner', 8, 0, 'COP' from core.users;
insert into school.certificates (id, serial, user_id, course_id, completed_at, status_list, status_index)
select '00000000-0000-4000-8000-000000000002', 'CC-7Q4M-2K9T-X8WB-51DP', u.id, c.id, now(), 1, 2 from core.users u, school.courses c where c.slug = 'rust';
