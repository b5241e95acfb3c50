#!lua flags=allow-oom
-- Takes back deliveries that did not end their jobs: each waits for another attempt, or is handed back. One that somebody wants cancelled
-- ends here: its worker had not heard of the wish yet.
--   KEYS  1 job · 2 ready · 3 running · 4 attempts · 5 retryable · 6 cancels · 7 events · 8 wake · 9 stats · 10 parked
--         · 11 limits · 12 settings · 13 thaw · 14 unique · 15 turns · 16 waiting
--   ARGV  1 worker · then for each delivery (at most 500): id, mark, verb, delay (ms), event (JSON; empty: none)
--         mark   "fence token " as claimed; another mark means that the job is somebody else's now
--         verb   retry (an attempt is used) · wait (none is) · release (back to the head of its queue)
--                park (no worker at hand knows it; the delay is when to look again)
-- Returns for each delivery 1 when it was carried out, 0 when the lease was no longer the caller's.
expect_keys('hash list hash hash zset hash stream list hash zset hash hash zset hash hash zset')
local ready, running, attempts, retryable, cancels = KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local events, wake, stats, parked = KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reply, told, envelopes, available, retried, cancelled = {}, {}, {}, 0, 0, 0
local L = open_limits(KEYS[11], KEYS[12], KEYS[13], KEYS[14], now)
for i = 2, #ARGV, 5 do
    local id, mark, verb, delay, event = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
    local held = redis.call('HGET', running, id)
    if held and string.sub(held, 1, #mark) == mark then
        redis.call('HDEL', running, id)
        local unwanted, tail = redis.call('HGET', cancels, id) == delivery_of(held), tail_of(held)
        redis.call('HDEL', cancels, id)
        local limited = tail and give_back(L, id, tail, unwanted)
        if unwanted then
            local past = tonumber(string.match(redis.call('HGET', attempts, id) or '0', '^%d+'))
            local claimed = tonumber(string.match(held, '^%S+ %S+ %S+ (%d+)'))
            local over = event ~= '' and cjson.decode(event) or {id = id, attempt = past, started_ms = claimed, ended_ms = now}
            over.error = 'cancelled while running' .. (over.error and ': ' .. over.error or '')
            over.outcome = 'cancelled'
            envelopes[#envelopes + 1] = id
            envelopes[#envelopes + 1] = redis.call('HGET', KEYS[1], id) or ''
            redis.call('HSET', KEYS[1], id, string.format('!%.0f', over.fence or 0))
            redis.call('HDEL', attempts, id)
            event, cancelled = cjson.encode(over), cancelled + 1
        elseif verb == 'release' and limited then
            queue_up_first(L, KEYS[16], KEYS[15], stats, limited, id)
        elseif verb == 'release' then
            redis.call('LPUSH', ready, id)
            available = available + 1
        elseif verb == 'park' then
            redis.call('ZADD', parked, now + tonumber(delay), id)
        else
            local past = redis.call('HGET', attempts, id) or ''
            local used = tonumber(string.match(past, '^%d+') or 0)
            local crashes = string.match(past, '^%d+ %d+ (%d+)$') or 0
            if verb == 'retry' then
                used = used + 1
                retried = retried + 1
            end
            local due = now + tonumber(delay)
            redis.call('HSET', attempts, id, used .. ' ' .. due .. ' ' .. crashes)
            redis.call('ZADD', retryable, due, id)
        end
        if event ~= '' then told[#told + 1] = event end
        reply[#reply + 1] = 1
    else
        reply[#reply + 1] = 0
    end
end
save_states(L)
if #told > 0 then
    local pack = '[' .. table.concat(told, ',') .. ']'
    redis.call('XADD', events, '*', 'worker', ARGV[1], 'events', pack, unpack(envelopes))
    redis.call('HINCRBY', stats, 'event_bytes', #pack)
    redis.call('HINCRBY', stats, 'event_count', #told)
end
if cancelled > 0 then redis.call('HINCRBY', stats, 'cancelled', cancelled) end
if retried > 0 then redis.call('HINCRBY', stats, 'retried', retried) end
if (available > 0 or L.wakes) and redis.call('LLEN', wake) == 0 then redis.call('RPUSH', wake, 1) end
return reply
