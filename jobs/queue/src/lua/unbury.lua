#!lua flags=allow-oom
-- Removes tombstones of which no event tells, once every event of their time is in the ledger: what was promised is then missing, and pushed
-- again.
--   KEYS  1 job · 2 events
--   ARGV  1 the last event's stream id when the tombstones were found (0-0: there was none) · then id, tombstone, and so on (at most 500 of each)
-- Returns how many were removed; -1 while there are events of that time.
expect_keys('hash stream')
local function numbers(stream_id)
    local ms, seq = string.match(stream_id, '^(%d+)%-(%d+)$')
    return tonumber(ms), tonumber(seq)
end
local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
if first then
    local ms, seq = numbers(first[1])
    local last_ms, last_seq = numbers(ARGV[1])
    if ms < last_ms or (ms == last_ms and seq <= last_seq) then return -1 end
end
local removed = 0
for i = 2, #ARGV, 2 do
    if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then removed = removed + redis.call('HDEL', KEYS[1], ARGV[i]) end
end
return removed
