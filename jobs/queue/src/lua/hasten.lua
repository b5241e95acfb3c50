#!lua
-- Makes a waiting job available at once.
--   KEYS  1 ready · 2 scheduled · 3 retryable · 4 wake · 5 gone · 6 tail · 7 parked
--   ARGV  1 id
-- Returns 1 when it waited, else 0.
expect_keys('list zset zset list set string zset')
if redis.call('ZREM', KEYS[2], ARGV[1]) + redis.call('ZREM', KEYS[3], ARGV[1]) + redis.call('ZREM', KEYS[7], ARGV[1]) == 0 then
    return 0
end
if redis.call('SREM', KEYS[5], ARGV[1]) == 0 then
    redis.call('RPUSH', KEYS[1], ARGV[1])
    redis.call('INCR', KEYS[6])
end
if redis.call('LLEN', KEYS[4]) == 0 then redis.call('RPUSH', KEYS[4], 1) end
return 1
