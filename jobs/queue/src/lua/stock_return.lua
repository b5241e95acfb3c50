#!lua flags=allow-oom
-- Returns stock jobs that were set aside to their queue, where its workers find them again when they are due.
--   KEYS  1 set aside · 2 scheduled
--   ARGV  ids (at most 500)
-- Returns how many were returned.
local returned = 0
for _, id in ipairs(ARGV) do
    local due = redis.call('ZSCORE', KEYS[1], id)
    if due then
        redis.call('ZADD', KEYS[2], due, id)
        redis.call('ZREM', KEYS[1], id)
        returned = returned + 1
    end
end
return returned
