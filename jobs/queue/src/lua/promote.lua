#!lua flags=allow-oom
-- Makes jobs available whose time has come.
--   KEYS  1 ready · 2 wake · 3 gone · 4 tail · 5 scheduled · 6 retryable · 7 parked
--   ARGV  1 how many at most of each kind (1 to 500) · 2 1: parked jobs too, whatever their time
-- Returns how many were promoted, and in how many ms the next is due (-1: none waits).
local ready, wake, gone, tail = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local promoted, next_due = 0, -1
for place = 5, 7 do
    local later = KEYS[place]
    local until_ms = (place == 7 and ARGV[2] == '1') and '+inf' or now
    local ids = redis.call('ZRANGEBYSCORE', later, '-inf', until_ms, 'LIMIT', 0, ARGV[1])
    if #ids > 0 then
        redis.call('ZREM', later, unpack(ids))
        if redis.call('SCARD', gone) == 0 then
            redis.call('RPUSH', ready, unpack(ids))
            redis.call('INCRBY', tail, #ids)
        else
            -- A place left by a cancelled job of the same id serves again: an id has at most one place in the list.
            for _, id in ipairs(ids) do
                if redis.call('SREM', gone, id) == 0 then
                    redis.call('RPUSH', ready, id)
                    redis.call('INCR', tail)
                end
            end
        end
        promoted = promoted + #ids
    end
    local first = redis.call('ZRANGE', later, 0, 0, 'WITHSCORES')
    if first[2] then
        local wait = math.max(0, tonumber(first[2]) - now)
        if next_due < 0 or wait < next_due then next_due = wait end
    end
end
if promoted > 0 and redis.call('LLEN', wake) == 0 then redis.call('RPUSH', wake, 1) end
return {promoted, next_due}
