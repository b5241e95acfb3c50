-- Ends deliveries: each job is over, waits for another attempt, or is handed back. Event, tombstone and change are one step.
--   KEYS  1 job · 2 ready · 3 running · 4 leases · 5 attempts · 6 retryable · 7 ended · 8 cancels · 9 events · 10 wake
--   ARGV  for each delivery (at most 500): id, mark, verb, delay (ms), event (JSON; empty: none)
--         mark   "fence token " as claimed; another mark means that the job is somebody else's now
--         verb   end (over; its promise is in Postgres) · end_whole (over; the event carries the envelope)
--                retry (an attempt is used) · wait (none is) · release (back to the head of its queue)
-- Returns for each delivery 1 when it was carried out, 0 when the lease was no longer the caller's.
local job, ready, running, leases, attempts = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local retryable, ended, cancels, events, wake = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reply, available = {}, 0
for i = 1, #ARGV, 5 do
    local id, mark, verb, delay, event = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
    local held = redis.call('HGET', running, id)
    if held and string.sub(held, 1, #mark) == mark then
        local envelope = verb == 'end_whole' and redis.call('HGET', job, id)
        redis.call('HDEL', running, id)
        redis.call('ZREM', leases, id)
        redis.call('HDEL', cancels, id)
        if verb == 'end' or verb == 'end_whole' then
            redis.call('HDEL', job, id)
            redis.call('HDEL', attempts, id)
            redis.call('HSET', ended, id, now)
        elseif verb == 'release' then
            redis.call('LPUSH', ready, id)
            available = available + 1
        else
            local used = tonumber(string.match(redis.call('HGET', attempts, id) or '0', '^%d+'))
            if verb == 'retry' then used = used + 1 end
            local due = now + tonumber(delay)
            redis.call('HSET', attempts, id, used .. ' ' .. due)
            redis.call('ZADD', retryable, due, id)
        end
        if envelope then
            redis.call('XADD', events, '*', 'event', event, 'envelope', envelope)
        elseif event ~= '' then
            redis.call('XADD', events, '*', 'event', event)
        end
        reply[#reply + 1] = 1
    else
        reply[#reply + 1] = 0
    end
end
if available > 0 and redis.call('LLEN', wake) == 0 then redis.call('RPUSH', wake, 1) end
return reply
