-- Writes notices down, each once for its key, and their channels, where nobody has said anything in them before. Answers the channel of each new one.
--   $1 channels · $2 keys · $3 texts · $4 whether each is worth arriving twice · $5 what page each is about, $6 where all of its sort stand (or null)
with asked as (
    select channel, key, text, is_urgent, page, list, n
    from unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::text[], $6::text[]) with ordinality as t (channel, key, text, is_urgent, page, list, n)
), known as (
    insert into core.chat_channels (name) select distinct channel from asked order by channel on conflict do nothing
)
insert into core.chat_notices (channel, key, text, is_urgent, page, list) select channel, key, text, is_urgent, page, list from asked order by n
on conflict (channel, key) do nothing
returning channel
