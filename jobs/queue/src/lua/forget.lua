#!lua flags=allow-oom
-- Removes what the ledger now holds: the tombstones of recorded ends, and the entries that told of them. Those and no others: a Redis that
-- forgot its last seconds has older ones again, whose tombstones would stay for ever if they went unread.
--   KEYS  1 job · 2 events · 3 stats
--   ARGV  1 how many entries (1 to 100) · 2 their bytes · 3 how many events are in them · then their stream ids
--         · then for each ended job (at most 4,000): id, tombstone
-- Returns how many entries were removed. Another recorder may have been here first, and a job may live again since: then its
-- tombstone is not the one that was recorded.
expect_keys('hash stream hash')
local job, events, stats = KEYS[1], KEYS[2], KEYS[3]
local entries = tonumber(ARGV[1])
local removed = redis.call('XDEL', events, unpack(ARGV, 4, 3 + entries))
if removed == 0 then return 0 end
for first = 4 + entries, #ARGV, 500 do
    local ids, gone = {}, {}
    for i = first, math.min(first + 498, #ARGV), 2 do ids[#ids + 1] = ARGV[i] end
    for i, stone in ipairs(redis.call('HMGET', job, unpack(ids))) do
        if stone == ARGV[first + 2 * i - 1] then gone[#gone + 1] = ids[i] end
    end
    if #gone > 0 then redis.call('HDEL', job, unpack(gone)) end
end
local empty = redis.call('XLEN', events) == 0
for field, number in pairs({event_bytes = ARGV[2], event_count = ARGV[3]}) do
    local gone = math.floor(tonumber(number) * removed / entries)
    local left = tonumber(redis.call('HGET', stats, field) or 0) - gone
    redis.call('HSET', stats, field, empty and 0 or math.max(0, left))
end
return removed
