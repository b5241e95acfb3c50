-- Writes a notice down, once for its key, and its channel, where nobody has said anything in it before.
--   $1 channel · $2 key · $3 text · $4 whether it is worth arriving twice
with known as (
    insert into core.chat_channels (name) values ($1) on conflict do nothing
)
insert into core.chat_notices (channel, key, text, is_urgent) values ($1, $2, $3, $4)
on conflict (channel, key) do nothing
