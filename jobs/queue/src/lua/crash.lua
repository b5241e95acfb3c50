#!lua flags=allow-oom
-- Returns jobs to the head of their lane whose process died while it ran them, and counts it: after the second time a job is a
-- suspect and runs alone. One that somebody wanted cancelled ends here: the wish was that delivery's, and the next would not hear of it.
--   KEYS  1 job · 2 ready · 3 running · 4 attempts · 5 events · 6 wake · 7 epoch · 8 stats
--         · 9 limits · 10 settings · 11 thaw · 12 unique · 13 turns · 14 waiting · 15 cancels
--   ARGV  for each job (at most 250): id, fence
-- Returns how many were counted; a job that somebody else holds by now is not.
expect_keys('hash list hash hash stream list string hash hash hash zset hash hash zset hash')
local job, ready, running, attempts, events, wake = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local epoch = tonumber(string.match(redis.call('GET', KEYS[7]) or '0', '^%d+'))
local told, envelopes, cancelled = {}, {}, 0
local L = open_limits(KEYS[9], KEYS[10], KEYS[11], KEYS[12], now)
for i = 1, #ARGV, 2 do
    local id, fence = ARGV[i], ARGV[i + 1]
    local held = redis.call('HGET', running, id)
    local theirs, worker, claimed = string.match(held or '', '^(%d+) %S+ (%S+) (%d+)')
    local envelope = redis.call('HGET', job, id)
    if theirs == fence and envelope and string.byte(envelope) ~= 33 then
        local past = redis.call('HGET', attempts, id) or ''
        local used, due = string.match(past, '^(%d+) (%d+)')
        local crashes = tonumber(string.match(past, '^%d+ %d+ (%d+)$') or 0) + 1
        used, due = used or 0, due or 0
        redis.call('HDEL', running, id)
        local unwanted, tail = redis.call('HGET', KEYS[15], id) == delivery_of(held), tail_of(held)
        redis.call('HDEL', KEYS[15], id)
        local limited = tail and give_back(L, id, tail, unwanted)
        local event = {id = id, outcome = 'orphaned', attempt = tonumber(used) + 1, epoch = epoch, fence = tonumber(fence),
            worker = worker, started_ms = tonumber(claimed), ended_ms = now, error = 'its process died while it ran: crash ' .. crashes}
        if unwanted then
            event.outcome, event.error = 'cancelled', 'cancelled while running; its process died'
            envelopes[#envelopes + 1] = id
            envelopes[#envelopes + 1] = envelope
            redis.call('HSET', job, id, '!' .. fence)
            redis.call('HDEL', attempts, id)
            cancelled = cancelled + 1
        else
            redis.call('HSET', attempts, id, used .. ' ' .. due .. ' ' .. crashes)
            if limited then
                queue_up_first(L, KEYS[14], KEYS[13], KEYS[8], limited, id)
            else
                redis.call('LPUSH', ready, id)
            end
        end
        told[#told + 1] = event
    end
end
save_states(L)
if #told > 0 then
    local pack = cjson.encode(told)
    redis.call('XADD', events, '*', 'worker', '?', 'events', pack, unpack(envelopes))
    redis.call('HINCRBY', KEYS[8], 'event_bytes', #pack)
    redis.call('HINCRBY', KEYS[8], 'event_count', #told)
    redis.call('HINCRBY', KEYS[8], 'crashed', #told)
    if cancelled > 0 then redis.call('HINCRBY', KEYS[8], 'cancelled', cancelled) end
    if redis.call('LLEN', wake) == 0 then redis.call('RPUSH', wake, 1) end
end
return #told
