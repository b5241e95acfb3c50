#!lua flags=allow-oom
-- Makes jobs available whose time has come.
--   KEYS  1 ready · 2 wake · 3 gone · 4 tail · 5 scheduled · 6 retryable · 7 parked · 8 thaw · 9 waiting · 10 stats
--   ARGV  1 how many at most of each kind (1 to 500) · 2 1: parked jobs too, whatever their time
-- Returns how many were promoted, and in how many ms the next is due (-1: none waits).
expect_keys('list list set string zset zset zset zset zset hash')
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
local first = redis.call('ZRANGE', KEYS[8], 0, 0, 'WITHSCORES')
local thawed = first[2] and tonumber(first[2]) <= now
if first[2] and not thawed and (next_due < 0 or tonumber(first[2]) - now < next_due) then next_due = tonumber(first[2]) - now end
-- Each time another line is looked at again, in turn: no waiting job depends on a single word that its turn has come.
local last = redis.call('HGET', KEYS[10], 'looked_at')
if last or redis.call('ZCARD', KEYS[9]) > 0 then
    local entry = redis.call('ZRANGEBYLEX', KEYS[9], last and '(' .. last .. '!' or '-', '+', 'LIMIT', 0, 1)[1]
    if entry then
        local word = string.match(entry, '^%S+')
        redis.call('HSET', KEYS[10], 'looked_at', word)
        if redis.call('ZADD', KEYS[8], 'NX', 0, word) == 1 then thawed = true end
    else
        redis.call('HDEL', KEYS[10], 'looked_at')
    end
end
if (promoted > 0 or thawed) and redis.call('LLEN', wake) == 0 then redis.call('RPUSH', wake, 1) end
return {promoted, next_due}
