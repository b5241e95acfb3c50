-- Removes what was written before the ledger of ticks goes back, but for the last row of each schedule.
--   $1 days  $2 at most so many
delete from faena.schedule_ticks
where (schedule, tick) in (
    select t.schedule, t.tick
    from faena.schedule_ticks t
    where t.noted_at < clock_timestamp() - make_interval(days => $1)
        and exists (select from faena.schedule_ticks later where later.schedule = t.schedule and later.tick > t.tick)
    order by t.noted_at
    limit $2
    for update skip locked
)
