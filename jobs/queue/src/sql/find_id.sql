-- Whether an id is known ($1) as this very job ($2 its name, $3 its arguments), and of whom it is a duplicate; nulls: nobody knows it. Seals
-- of the same secret differ, and so do arguments that an operator has changed since.
select bool_and(known.name = $2 and (known.args is not distinct from $3::jsonb or $3 like '%"$secret"%'
           or exists (select from faena.commands c where c.job_id = $1 and c.verb = 'edit'))),
       max(substring(known.reason from '^duplicate of ([0-9a-f-]{36})$'))::uuid
from (
    select o.name, o.args, null as reason from faena.outbox o where o.id = $1
    union all
    select j.name, j.args, case when j.state = 'cancelled' then j.reason end from faena.jobs j where j.id = $1
) known
