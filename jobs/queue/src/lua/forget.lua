-- Removes what the ledger now holds: tombstones first, then the events themselves, so that a crash in between repeats and never
-- forgets.
--   KEYS  1 ended · 2 events
--   ARGV  1 the last recorded stream id · then the ids of ended jobs (at most 500)
for i = 2, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
local oldest = redis.call('XRANGE', KEYS[2], '-', ARGV[1], 'COUNT', 500)
for _, entry in ipairs(oldest) do redis.call('XDEL', KEYS[2], entry[1]) end
return #oldest
