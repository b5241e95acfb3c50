-- Sets the webhook of channel $1: sealed $2, leading to $3, by $4, known by $5. One that is another than the dead one ends its being disabled.
insert into core.chat_channels as c (name, webhook_seal, webhook_origin, webhook_set_at, webhook_set_by)
values ($1, $2, $3, clock_timestamp(), $4)
on conflict (name) do update set
    webhook_seal = excluded.webhook_seal, webhook_origin = excluded.webhook_origin, webhook_set_at = excluded.webhook_set_at,
    webhook_set_by = excluded.webhook_set_by,
    disabled_at = case when c.disabled_webhook = $5 then c.disabled_at end,
    disabled_for = case when c.disabled_webhook = $5 then c.disabled_for end,
    disabled_webhook = case when c.disabled_webhook = $5 then c.disabled_webhook end
