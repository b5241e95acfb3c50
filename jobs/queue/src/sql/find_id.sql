-- Whether an id is known ($1) as this very job ($2 its name, $3 its arguments); null: nobody knows it. Seals of the same secret differ.
select bool_and(known.name = $2 and (known.args is not distinct from $3::jsonb or $3 like '%"$secret"%'))
from (
    select o.name, o.args from faena.outbox o where o.id = $1
    union all
    select j.name, j.args from faena.jobs j where j.id = $1
) known
