-- Cancels a job in whatever live state it is.
--   KEYS  1 job · 2 running · 3 scheduled · 4 retryable · 5 attempts · 6 gone · 7 ended · 8 cancels · 9 events
--   ARGV  1 id · 2 event (JSON, without ended_ms and attempt)
-- Returns `cancelled`, `running` (its worker will be told), `ended` (too late) or `unknown` (no such live job).
local job, running, scheduled, retryable, attempts = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local gone, ended, cancels, events = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local id = ARGV[1]
if redis.call('HEXISTS', running, id) == 1 then
    redis.call('HSET', cancels, id, 1)
    return 'running'
end
local envelope = redis.call('HGET', job, id)
if not envelope then return redis.call('HEXISTS', ended, id) == 1 and 'ended' or 'unknown' end
if redis.call('ZREM', scheduled, id) + redis.call('ZREM', retryable, id) == 0 then
    -- It stands in the ready list. Taking it out would cost a walk of the list: a claim skips its place.
    redis.call('SADD', gone, id)
end
local time = redis.call('TIME')
local event = cjson.decode(ARGV[2])
event.ended_ms = time[1] * 1000 + math.floor(time[2] / 1000)
event.attempt = tonumber(string.match(redis.call('HGET', attempts, id) or '0', '^%d+'))
redis.call('HDEL', job, id)
redis.call('HDEL', attempts, id)
redis.call('HSET', ended, id, event.ended_ms)
redis.call('XADD', events, '*', 'event', cjson.encode(event), 'envelope', envelope)
return 'cancelled'
