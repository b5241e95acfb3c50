-- Returns orphans, jobs whose lease has run out, to the head of their queue. No attempt is used: an expired lease proves nothing
-- about the job.
--   KEYS  1 job · 2 ready · 3 running · 4 leases · 5 cancels · 6 events · 7 wake · 8 epoch · 9 attempts · 10 ended
--   ARGV  1 how many at most (1 to 500)
-- Returns how many were rescued.
local job, ready, running, leases, cancels, events, wake = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local epoch_key, attempts, ended = KEYS[8], KEYS[9], KEYS[10]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ids = redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, ARGV[1])
local rescued = 0
for _, id in ipairs(ids) do
    local held = redis.call('HGET', running, id) or ''
    local fence, worker, claimed = string.match(held, '^(%d+) %S+ (%S+) (%d+)$')
    redis.call('ZREM', leases, id)
    redis.call('HDEL', running, id)
    if redis.call('HEXISTS', job, id) == 1 then
        rescued = rescued + 1
        local used = tonumber(string.match(redis.call('HGET', attempts, id) or '0', '^%d+'))
        local event = {id = id, outcome = 'orphaned', attempt = used + 1, epoch = tonumber(redis.call('GET', epoch_key) or 0),
            fence = tonumber(fence or 0), worker = worker or '?', started_ms = tonumber(claimed), ended_ms = now,
            error = 'the lease ran out'}
        if redis.call('HDEL', cancels, id) == 1 then
            -- Somebody wanted it cancelled and nobody is left to see that: it ends here.
            event.outcome, event.error = 'cancelled', 'cancelled while running; its worker did not answer'
            local envelope = redis.call('HGET', job, id)
            redis.call('HDEL', job, id)
            redis.call('HDEL', attempts, id)
            redis.call('HSET', ended, id, now)
            redis.call('XADD', events, '*', 'event', cjson.encode(event), 'envelope', envelope)
        else
            redis.call('LPUSH', ready, id)
            redis.call('XADD', events, '*', 'event', cjson.encode(event))
        end
    end
end
if rescued > 0 and redis.call('LLEN', wake) == 0 then redis.call('RPUSH', wake, 1) end
return #ids
