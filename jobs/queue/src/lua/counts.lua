#!lua flags=no-writes
-- How many jobs are in each live state, at one instant, and since when the head of the queue has waited.
--   KEYS  1 job · 2 ready · 3 running · 4 scheduled · 5 retryable · 6 parked · 7 gone · 8 attempts · 9 stats · 10 waiting
-- Returns available, running, scheduled, retryable, parked, unrecorded events, their bytes, now (ms),
-- envelope of the oldest available job (or false), when its last wait ended (ms; 0: it has not waited),
-- how many wait for a limit, and how many are paused.
local job, ready, running = KEYS[1], KEYS[2], KEYS[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local envelope, due = false, 0
for _, id in ipairs(redis.call('LRANGE', ready, 0, 99)) do
    envelope = redis.call('HGET', job, id)
    if envelope and string.byte(envelope) ~= 33 then
        due = tonumber(string.match(redis.call('HGET', KEYS[8], id) or '', '^%d+ (%d+)') or 0)
        break
    end
    envelope = false
end
return {redis.call('LLEN', ready) - redis.call('SCARD', KEYS[7]), redis.call('HLEN', running), redis.call('ZCARD', KEYS[4]),
    redis.call('ZCARD', KEYS[5]), redis.call('ZCARD', KEYS[6]), tonumber(redis.call('HGET', KEYS[9], 'event_count') or 0),
    tonumber(redis.call('HGET', KEYS[9], 'event_bytes') or 0), now, envelope, due,
    redis.call('ZCARD', KEYS[10]) - redis.call('ZLEXCOUNT', KEYS[10], '[!', '("'), redis.call('ZLEXCOUNT', KEYS[10], '[!', '("')}
