#!lua flags=allow-oom
-- Ends jobs that are over, all or none of them. Events, tombstones and change are one step.
--   KEYS  1 job · 2 running · 3 attempts · 4 cancels · 5 events · 6 stats · 7 limits · 8 settings · 9 thaw · 10 unique · 11 wake
--   ARGV  1 how many (1 to 500) · 2 how many of them, the last ones, may go unrecorded under pressure
--         · 3 unrecorded events may have this many bytes · 4 worker · 5, 6 events (JSON arrays; empty: none) of those that must be
--         recorded, and of those that may go unrecorded · 7 statistics as `field number field number` · then ids · then, for one run of
--         ids after the other, how many they are and their mark ("fence token " as claimed, one for all jobs of a claim; another mark
--         means that the job is somebody else's now)
-- Returns the places (from 1) of those whose mark was not the present one: then nothing was changed.
local KINDS = 'hash hash hash hash stream hash hash hash zset hash list'
local job, running, attempts, cancels, events, stats = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local n, droppable = tonumber(ARGV[1]), tonumber(ARGV[2])
local held, any_attempts, any_cancels, any_limits, unrecorded
read_first(KINDS, function()
    held = redis.call('HMGET', running, unpack(ARGV, 8, 7 + n))
    any_attempts = redis.call('HLEN', attempts) > 0
    any_cancels = redis.call('HLEN', cancels) > 0
    any_limits = redis.call('HLEN', KEYS[7]) > 0 or redis.call('HLEN', KEYS[10]) > 0
    unrecorded = tonumber(redis.call('HGET', stats, 'event_bytes') or 0)
    redis.call('HLEN', job)
    redis.call('XLEN', events)
end)
local refused, tombstones, place = {}, {}, 0
for run = 8 + n, #ARGV, 2 do
    local mark = ARGV[run + 1]
    local tombstone = '!' .. (string.match(mark, '^%d+') or '0')
    for i = place + 1, place + ARGV[run] do
        -- Found in place: a part cut out would be one string more to make for each job.
        if not held[i] or string.find(held[i], mark, 1, true) ~= 1 then
            refused[#refused + 1] = i
        else
            tombstones[2 * i - 1] = ARGV[7 + i]
            tombstones[2 * i] = tombstone
        end
    end
    place = place + ARGV[run]
end
if place ~= n then return redis.error_reply('ERR marks for ' .. place .. ' jobs and not for ' .. n) end
if #refused > 0 then return refused end

if any_limits then
    expect_keys(KINDS)
    local time = redis.call('TIME')
    local L = open_limits(KEYS[7], KEYS[8], KEYS[9], KEYS[10], time[1] * 1000 + math.floor(time[2] / 1000))
    -- By lease: those of one claim that ask for the same have the same.
    local tails = {}
    for i = 1, n do
        if tails[held[i]] == nil then tails[held[i]] = tail_of(held[i]) or false end
    end
    load_limits(L, tails, false)
    local shares = {}
    for i = 1, n do
        local tail = tails[held[i]]
        if tail and #read_words(L, tail).keys > 0 then
            give_back(L, ARGV[7 + i], tail, true)
        elseif tail then
            shares[tail] = (shares[tail] or 0) + 1
        end
    end
    for tail, count in pairs(shares) do give_back_shares(L, tail, count) end
    save_states(L)
    if L.wakes and redis.call('LLEN', KEYS[11]) == 0 then redis.call('RPUSH', KEYS[11], 1) end
end

-- In this order half a step, if ever one came to life (mend.rs), buries nobody of whose end nothing is told.
local recorded, bytes, dropped = n, #ARGV[5], 0
if ARGV[5] ~= '' then redis.call('XADD', events, '*', 'worker', ARGV[4], 'events', ARGV[5]) end
if droppable > 0 then
    if unrecorded < tonumber(ARGV[3]) then
        bytes = bytes + #ARGV[6]
        redis.call('XADD', events, '*', 'worker', ARGV[4], 'events', ARGV[6])
    else
        dropped = droppable
        recorded = n - dropped
    end
end
if recorded > 0 then redis.call('HSET', job, unpack(tombstones, 1, 2 * recorded)) end
if dropped > 0 then
    -- Nobody would ever remove their tombstones.
    redis.call('HDEL', job, unpack(ARGV, 8 + recorded, 7 + n))
    redis.call('HINCRBY', stats, 'dropped', dropped)
end
redis.call('HDEL', running, unpack(ARGV, 8, 7 + n))
if any_attempts then redis.call('HDEL', attempts, unpack(ARGV, 8, 7 + n)) end
if any_cancels then redis.call('HDEL', cancels, unpack(ARGV, 8, 7 + n)) end
redis.call('HINCRBY', stats, 'event_bytes', bytes)
redis.call('HINCRBY', stats, 'event_count', recorded)
for field, number in string.gmatch(ARGV[7], '(%S+) (%d+)') do redis.call('HINCRBY', stats, field, number) end
return refused
