-- What each course came to in the same stretch, the best first.
select c.title, c.slug, sum(d.sales)::bigint as sales, sum(d.gross_minor)::bigint as gross_minor, sum(d.returned_minor)::bigint as returned_minor
from school.sales_daily d
join school.courses c on c.id = d.course_id
where d.currency = $1 and d.day > school.business_day(now()) - $2
group by c.id
order by sum(d.gross_minor) desc, c.title
limit 100
