#!lua flags=allow-oom
-- Removes what the ledger now holds: tombstones first, then the events themselves, so that a crash in between repeats and never
-- forgets.
--   KEYS  1 job · 2 events · 3 stats
--   ARGV  1 the last recorded stream id · 2 the id after it · 3 how many entries that are · 4 their bytes · 5 how many events
--         are in them · then for each ended job (at most 4,000): id, tombstone
-- Returns how many entries were removed. Another recorder may have been here first, and a job may live again since: then its
-- tombstone is not the one that was recorded.
expect_keys('hash stream hash')
local job, events, stats = KEYS[1], KEYS[2], KEYS[3]
if #redis.call('XRANGE', events, '-', ARGV[1], 'COUNT', 1) == 0 then return 0 end
for first = 6, #ARGV, 500 do
    local ids, gone = {}, {}
    for i = first, math.min(first + 498, #ARGV), 2 do ids[#ids + 1] = ARGV[i] end
    for i, stone in ipairs(redis.call('HMGET', job, unpack(ids))) do
        if stone == ARGV[first + 2 * i - 1] then gone[#gone + 1] = ids[i] end
    end
    if #gone > 0 then redis.call('HDEL', job, unpack(gone)) end
end
local removed = redis.call('XTRIM', events, 'MINID', ARGV[2])
local empty = redis.call('XLEN', events) == 0
for field, number in pairs({event_bytes = ARGV[4], event_count = ARGV[5]}) do
    local gone = math.floor(tonumber(number) * removed / math.max(removed, tonumber(ARGV[3])))
    local left = tonumber(redis.call('HGET', stats, field) or 0) - gone
    redis.call('HSET', stats, field, empty and 0 or math.max(0, left))
end
return removed
