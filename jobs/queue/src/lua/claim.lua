-- Gives available jobs to a worker, oldest first, each with a lease and a fence.
--   KEYS  1 job · 2 ready · 3 running · 4 leases · 5 attempts · 6 gone · 7 wake · 8 fence · 9 epoch
--   ARGV  1 how many at most (1 to 500) · 2 lease (ms) · 3 lease token · 4 worker
-- Returns nil when there is no epoch yet (nothing may be claimed without one); else epoch, fence, now (ms), then for each job: id,
-- envelope, attempts used.
local job, ready, running, leases, attempts = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local gone, wake, fence_key, epoch_key = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local epoch = redis.call('GET', epoch_key)
if not epoch then return nil end
local ids = redis.call('LPOP', ready, ARGV[1])
if not ids then return {epoch, 0, 0} end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local fence = redis.call('INCR', fence_key)
local mark = fence .. ' ' .. ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. now
local expires = now + tonumber(ARGV[2])
local reply = {epoch, fence, now}
local envelopes = redis.call('HMGET', job, unpack(ids))
local used = redis.call('HMGET', attempts, unpack(ids))
local any_gone = redis.call('SCARD', gone) > 0
for i, id in ipairs(ids) do
    if not (any_gone and redis.call('SREM', gone, id) == 1) and envelopes[i] then
        redis.call('HSET', running, id, mark)
        redis.call('ZADD', leases, expires, id)
        reply[#reply + 1] = id
        reply[#reply + 1] = envelopes[i]
        reply[#reply + 1] = used[i] and tonumber(string.match(used[i], '^%d+')) or 0
    end
end
-- One token wakes one worker; what it leaves is for the next.
if redis.call('LLEN', ready) > 0 and redis.call('LLEN', wake) == 0 then redis.call('RPUSH', wake, 1) end
return reply
