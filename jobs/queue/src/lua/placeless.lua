#!lua flags=no-writes
-- Looks through what Redis holds, a part at a time, for jobs that stand nowhere but perhaps in the ready list, and for tombstones.
--   KEYS  1 job · 2 running · 3 scheduled · 4 retryable · 5 parked · 6 turns
--   ARGV  1 where to go on (0: from the start) · 2 how many to look at
-- Returns where to go on (0: that was all), the ids of such jobs, and tombstones: id, tombstone, and so on.
expect_keys('hash hash zset zset zset hash')
local scanned = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local placeless, tombstones = {}, {}
for i = 1, #scanned[2], 2 do
    local id, held = scanned[2][i], scanned[2][i + 1]
    if string.byte(held) == 33 then
        tombstones[#tombstones + 1] = id
        tombstones[#tombstones + 1] = held
    elseif redis.call('HEXISTS', KEYS[2], id) == 0 and redis.call('HEXISTS', KEYS[6], id) == 0
        and not (redis.call('ZSCORE', KEYS[3], id) or redis.call('ZSCORE', KEYS[4], id) or redis.call('ZSCORE', KEYS[5], id)) then
        placeless[#placeless + 1] = id
    end
end
return {tonumber(scanned[1]), placeless, tombstones}
