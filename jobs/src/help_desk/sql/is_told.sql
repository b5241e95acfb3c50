-- Whether the client of ticket $1, which was opened at $2 and is in its cycle $3, has been told something by the desk in that cycle; but for what $4 has told
-- (null: by anybody).
select exists (
    select from desk.comments c
    where c.ticket_id = $1 and c.by_desk and not c.is_internal and c.author_id is distinct from $4::bigint
        -- A later cycle begins with its first clock.
        and c.created_at >= coalesce((select min(k.started_at) from desk.sla_clocks k where $3 > 1 and (k.ticket_id, k.cycle) = ($1, $3)), $2)
)
