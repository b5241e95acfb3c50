-- A dozen courses in three currencies, and $1 learners.
with teacher as (
    insert into core.users (email, full_name, role, password_hash) values ('nadia@escuela.example', 'Nadia Ñáñez', 'instructor', '-') returning id
), learners as (
    insert into core.users (email, full_name, role, password_hash)
    select 'aprendiz' || n || '@correo.example', 'Aprendiz ' || n, 'learner', '-' from generate_series(1, $1::bigint) n
)
insert into school.courses (slug, title, summary, instructor_id, level, hours, price_minor, currency, status, published_at)
select 'curso-' || n, 'Curso ' || n, 'Un curso.', id, 'beginner', 4 + n,
    case when n <= 6 then 8900000 + n * 1000000 when n <= 10 then 2900 + n * 500 else 3900 + n * 100 end,
    case when n <= 6 then 'COP' when n <= 10 then 'USD' else 'EUR' end, 'published', now() - interval '800 days'
from teacher, generate_series(1, 12) n
