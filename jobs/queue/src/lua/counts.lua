-- How many jobs are in each live state, at one instant, and since when the head of the queue has waited.
--   KEYS  1 job · 2 ready · 3 running · 4 scheduled · 5 retryable · 6 gone · 7 events · 8 attempts
-- Returns available, running, scheduled, retryable, unrecorded events, now (ms), envelope of the oldest available job (or false),
-- when its last wait ended (ms; 0: it has not waited).
local job, ready, running, scheduled, retryable = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local envelope, due = false, 0
for _, id in ipairs(redis.call('LRANGE', ready, 0, 99)) do
    envelope = redis.call('HGET', job, id)
    if envelope then
        due = tonumber(string.match(redis.call('HGET', KEYS[8], id) or '0 0', ' (%d+)$')) or 0
        break
    end
end
return {redis.call('LLEN', ready) - redis.call('SCARD', KEYS[6]), redis.call('HLEN', running), redis.call('ZCARD', scheduled),
    redis.call('ZCARD', retryable), redis.call('XLEN', KEYS[7]), now, envelope, due}
