-- Notes every day that there was a movement on, by whatever clock: between two of them there are two days at most.
insert into school.sales_changes (day)
select day::date
from (select min(effective_at) as first, max(effective_at) as last from school.ledger_transactions) moved,
    generate_series(school.business_day(first) - 2, school.business_day(last) + 2, interval '1 day') day
