-- Pushed promises that somebody wants cancelled, and who; some of them.
--   $1 ids
select o.id, max(c.actor)
from faena.outbox o join faena.commands c on c.job_id = o.id
where o.id = any($1) and o.pushed_at is not null and c.verb = 'cancel' and (c.stands or c.carried_out_at is null)
group by o.id
limit 100
