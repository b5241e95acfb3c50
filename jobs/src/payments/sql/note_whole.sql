-- Notes of a refund that has just been booked whether all that had come has gone back by it. What it leaves of the course is not known yet.
--   $1 refund
update school.refunds r
set is_whole = s.charged_minor > 0 and s.charged_minor <= (
        select sum(other.amount_minor) from school.refunds other where other.sale_id = r.sale_id and other.state = 'succeeded'
    ),
    left_open = false
from school.sales s
where s.id = r.sale_id and r.id = $1
