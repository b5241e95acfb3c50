#!lua flags=allow-oom
-- Returns orphans, jobs whose lease has run out, to the head of their queue. No attempt is used and no crash counted: an expired
-- lease proves nothing about the job.
--   KEYS  1 job · 2 ready · 3 running · 4 attempts · 5 cancels · 6 events · 7 wake · 8 epoch · 9 stats
--         · 10 limits · 11 settings · 12 thaw · 13 unique · 14 turns · 15 waiting
--   ARGV  1 the epoch in which the caller has waited for owners to renew · 2 where to go on in the running jobs (0: from the start)
--         · 3 how many to look at (1 to 500) · 4 what time it was (ms) when the caller asked last
-- Returns where to go on (0: that was all), how many were rescued, and what time it is (ms); -1 when another epoch has begun, or when so much time has passed
-- since the caller asked that this Redis stood still meanwhile: then owners could not renew either, and have their turn first.
expect_keys('hash list hash hash hash stream list string hash hash hash zset hash hash zset')
local job, ready, running, attempts, cancels = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local events, wake, stats = KEYS[6], KEYS[7], KEYS[9]
local epoch = redis.call('GET', KEYS[8])
if not epoch or epoch ~= ARGV[1] then return {0, -1, 0} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now - tonumber(ARGV[4]) > 1000 then return {0, -1, now} end
local scanned = redis.call('HSCAN', running, ARGV[2], 'COUNT', ARGV[3])
local rescued, told, envelopes = 0, {}, {}
local L = open_limits(KEYS[10], KEYS[11], KEYS[12], KEYS[13], now)
for i = 1, #scanned[2], 2 do
    local id, held = scanned[2][i], scanned[2][i + 1]
    local fence, worker, claimed, expires = string.match(held, '^(%d+) %S+ (%S+) (%d+) (%d+)')
    if not expires or tonumber(expires) < now then
        redis.call('HDEL', running, id)
        local envelope = redis.call('HGET', job, id)
        if envelope and string.byte(envelope) ~= 33 then
            rescued = rescued + 1
            local used = tonumber(string.match(redis.call('HGET', attempts, id) or '0', '^%d+'))
            local event = {id = id, outcome = 'orphaned', attempt = used + 1, epoch = tonumber(string.match(epoch, '^%d+')),
                fence = tonumber(fence or 0), worker = worker or '?', started_ms = tonumber(claimed), ended_ms = now,
                error = 'the lease ran out'}
            local cancelled, tail = redis.call('HGET', cancels, id) == delivery_of(held), tail_of(held)
            redis.call('HDEL', cancels, id)
            local limited = tail and give_back(L, id, tail, cancelled)
            if cancelled then
                -- Somebody wanted it cancelled and nobody is left to see that: it ends here.
                event.outcome, event.error = 'cancelled', 'cancelled while running; its worker did not answer'
                envelopes[#envelopes + 1] = id
                envelopes[#envelopes + 1] = envelope
                redis.call('HSET', job, id, '!' .. (fence or 0))
                redis.call('HDEL', attempts, id)
                redis.call('HINCRBY', stats, 'cancelled', 1)
            else
                if limited then
                    queue_up_first(L, KEYS[15], KEYS[14], stats, limited, id)
                else
                    redis.call('LPUSH', ready, id)
                end
            end
            told[#told + 1] = event
        end
    end
end
save_states(L)
if #told > 0 then
    local pack = cjson.encode(told)
    redis.call('XADD', events, '*', 'worker', '?', 'events', pack, unpack(envelopes))
    redis.call('HINCRBY', stats, 'event_bytes', #pack)
    redis.call('HINCRBY', stats, 'event_count', #told)
    redis.call('HINCRBY', stats, 'rescued', #told)
end
if (rescued > 0 or L.wakes) and redis.call('LLEN', wake) == 0 then redis.call('RPUSH', wake, 1) end
return {tonumber(scanned[1]), rescued, now}
