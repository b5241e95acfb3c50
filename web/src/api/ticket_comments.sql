-- What is written under a ticket, in order, as far as whoever asks may read it.
--   {schema} the tables of tickets at the desk, or of those that were put away · $1 ticket · $2 whether notes among agents too · $3 the last comment of the page before, or null · $4 that comment alone, or null · $5 how many
select c.id, c.author_id as author, u.full_name as author_name, c.by_desk as is_by_agent, c.body, c.is_internal as internal, c.created_at
from {schema}.comments c
join core.users u on u.id = c.author_id
where c.ticket_id = $1
  and ($2 or not c.is_internal)
  and ($3::bigint is null or c.id > $3)
  and ($4::bigint is null or c.id = $4)
order by c.id
limit $5
