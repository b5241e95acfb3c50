-- Begins a sale at the price of this moment, unless one of the same course to the same person is live.
--   $1 id · $2 person · $3 course · $4 provider · $5 locale
insert into school.sales (id, user_id, course_id, provider, amount_minor, currency, description, locale, checkout_key, expires_at)
select $1, $2, c.id, $4, c.price_minor, c.currency, left(c.title, 127), $5, 'sale:' || $1::text || ':checkout:1', now() + interval '1 hour'
from school.courses c
where c.id = $3
on conflict (user_id, course_id) where state in ('pending', 'paid', 'part_refunded', 'disputed') do nothing
returning id
