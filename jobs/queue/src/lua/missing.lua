#!lua flags=no-writes
-- Of pushed jobs, which Redis neither holds live nor remembers as ended.
--   KEYS  1 job
--   ARGV  ids (at most 500)
-- Returns the missing ids.
local reply = {}
for _, id in ipairs(ARGV) do
    if redis.call('HEXISTS', KEYS[1], id) == 0 then reply[#reply + 1] = id end
end
return reply
