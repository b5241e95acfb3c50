#!lua flags=allow-oom
-- Removes tombstones of which no event tells, once every event is in the ledger: what was promised is then missing, and pushed again.
--   KEYS  1 job · 2 events
--   ARGV  id, tombstone, and so on (at most 500 of each)
-- Returns how many were removed; -1 while there are events.
expect_keys('hash stream')
if redis.call('XLEN', KEYS[2]) > 0 then return -1 end
local removed = 0
for i = 1, #ARGV, 2 do
    if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then removed = removed + redis.call('HDEL', KEYS[1], ARGV[i]) end
end
return removed
