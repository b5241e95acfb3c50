-- The letter's row, locked. `asked_again`: an operator has asked for its job since the row last changed.
--   $1 dedupe key
select m.id, m.message_id, m.state, m.sends,
       exists (
           select from faena.commands c where c.job_id = m.id and c.verb = 'retry' and c.asked_at > m.updated_at
       ) as asked_again,
       m.created_at < clock_timestamp() - interval '1 day' as old
from mail.messages m
where m.dedupe_key = $1
for update of m
