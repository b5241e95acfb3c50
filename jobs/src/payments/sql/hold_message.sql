-- Keeps a message until somebody can judge it, unless as many wait as may. Answers whether it is new; nothing, if there is no room for it.
--   $1 transmission · $2 its time · $3 where the certificate is · $4 signature · $5 body · $6 how many may wait
with room as (
    select from school.unverified_messages having count(*) < $6
),
held as (
    insert into school.unverified_messages (transmission_id, transmission_time, certificate_url, signature, body)
    select $1, $2, $3, $4, $5 from room
    on conflict (transmission_id) do nothing
    returning true as is_new
)
select is_new from held
union all
select false from school.unverified_messages where transmission_id = $1
limit 1
