#!lua flags=allow-oom
-- Removes stock jobs that were set aside and are promised by now.
--   KEYS  1 payloads · 2 set aside · then the metadata of each job (at most 500)
--   ARGV  ids
-- Returns how many were removed.
local removed = 0
for i, id in ipairs(ARGV) do
    if redis.call('ZREM', KEYS[2], id) == 1 then
        redis.call('HDEL', KEYS[1], id)
        redis.call('DEL', KEYS[2 + i])
        removed = removed + 1
    end
end
return removed
