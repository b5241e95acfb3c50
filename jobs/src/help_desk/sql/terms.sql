-- What is promised to client $1 for a ticket of priority $2 under contract $3 (null: none).
select $2::text as priority, p.id as policy_id, p.revision as policy_revision,
    case when is_promised then case when p.id is null then c.response_minutes else p.first_response_minutes end end as first_response_minutes,
    case when is_promised then p.resolution_minutes end as resolution_minutes,
    coalesce(p.warn_minutes, 30) as warn_minutes,
    coalesce(p.escalate_minutes, '{60}') as escalate_minutes,
    coalesce(p.pauses_while_waiting, true) as pauses_while_waiting
from desk.clients c
cross join lateral (select $3::bigint is not null or c.without_contract = 'serve' as is_promised) covered
left join lateral (
    select * from desk.sla_policies
    where priority = $2 and (client_id = c.id or client_id is null)
    order by client_id nulls last
    limit 1
) p on true
where c.id = $1
