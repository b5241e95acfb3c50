-- What the sales come to by day, course and currency: the ledger's movements at the time when money moved. A day is the business's own.
--   $1 from · $2 until · $3 zone · $4 client or null · $5 agent or null · $6, $7 first and last day
select m.day, c.title, m.currency, count(*) filter (where m.kind = 'charge'),
    coalesce(sum(m.amount_minor) filter (where m.kind = 'charge'), 0)::bigint,
    count(*) filter (where m.kind = 'refund'),
    coalesce(-sum(m.amount_minor) filter (where m.kind <> 'charge'), 0)::bigint,
    sum(m.amount_minor)::bigint
from school.sale_movements m
join school.courses c on c.id = m.course_id
-- By instants, which have an index; days have none.
where m.effective_at >= school.day_begins($6::date) - interval '1 hour' and m.effective_at < school.day_begins($7::date + 1) + interval '1 hour'
    and m.day between $6::date and $7::date
group by m.day, c.id, c.title, m.currency
order by m.day, c.title, c.id, m.currency
