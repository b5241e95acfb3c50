#!lua flags=allow-oom
-- Gives available jobs to a worker, oldest first, each with a lease and a fence.
--   KEYS  1 job · 2 ready · 3 running · 4 attempts · 5 gone · 6 wake · 7 fence · 8 epoch
--   ARGV  1 how many at most (1 to 500) · 2 lease (ms) · 3 lease token · 4 worker
-- Returns nil when there is no epoch yet (nothing may be claimed without one); else epoch, fence, now (ms), ids, envelopes, and what
-- their earlier attempts were (one each; none when no job of the queue was attempted before).
local job, ready, running, attempts = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local gone, wake, fence_key, epoch_key = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local epoch = redis.call('GET', epoch_key)
if not epoch then return nil end
local ids = redis.call('LPOP', ready, ARGV[1])
if not ids then return {epoch, 0, 0, {}, {}, {}} end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local fence = redis.call('INCR', fence_key)
local mark = fence .. ' ' .. ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. now .. ' ' .. (now + tonumber(ARGV[2]))
local envelopes = redis.call('HMGET', job, unpack(ids))
local used = {}
if redis.call('HLEN', attempts) > 0 then used = redis.call('HMGET', attempts, unpack(ids)) end
local any_gone = redis.call('SCARD', gone) > 0
local leases, whole = {}, true
for i, id in ipairs(ids) do
    local envelope = envelopes[i]
    -- A tombstone begins with '!': the job ended while its place was still in line.
    local left = any_gone and redis.call('SREM', gone, id) == 1
    if not left and envelope and string.byte(envelope) ~= 33 then
        leases[#leases + 1] = id
        leases[#leases + 1] = mark
    else
        envelopes[i], whole = false, false
    end
    used[i] = used[i] or ''
end
if #leases > 0 then redis.call('HSET', running, unpack(leases)) end
-- One token wakes one worker; what it leaves is for the next.
if redis.call('LLEN', ready) > 0 and redis.call('LLEN', wake) == 0 then redis.call('RPUSH', wake, 1) end
if whole then return {epoch, fence, now, ids, envelopes, used} end
local kept = {{}, {}, {}}
for i, id in ipairs(ids) do
    if envelopes[i] then
        kept[1][#kept[1] + 1] = id
        kept[2][#kept[2] + 1] = envelopes[i]
        kept[3][#kept[3] + 1] = used[i]
    end
end
return {epoch, fence, now, kept[1], kept[2], kept[3]}
