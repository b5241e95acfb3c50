-- Webhooks that administrators have set on the site, beside those of the setting SLACK_WEBHOOKS. A webhook is a secret: it stands here sealed with the
-- keys of SECRET_ARGS_KEYS, for this channel alone, and no page ever shows it again.
alter table core.chat_channels
    -- XChaCha20-Poly1305, as secret arguments of jobs are; its additional data names the channel.
    add column webhook_seal text check (length(webhook_seal) <= 4000),
    -- Where it leads, without what opens the channel.
    add column webhook_origin text check (length(webhook_origin) <= 300),
    add column webhook_set_at timestamptz,
    add column webhook_set_by bigint references core.users on delete set null,
    add check (num_nulls(webhook_seal, webhook_origin, webhook_set_at) in (0, 3));
