-- Batches of which something may be due: some of those that are open. Where somebody joins one just now, or another worker has it, it is left to the next look.
select id from faena.batches b
where ended_at is null
    and (not exists (select from faena.batch_jobs j where j.batch_id = b.id and j.state is null)
            and exists (select from faena.batch_jobs j where j.batch_id = b.id)
        or not is_death_followed and exists (select from faena.batch_jobs j where j.batch_id = b.id and j.state = 'dead'))
order by id
limit 100
for update skip locked
