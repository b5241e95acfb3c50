#!lua flags=allow-oom
-- Gives a live job a place in the ready list, if it stands nowhere at all. Looking for it there costs a walk of the list: one job a call.
--   KEYS  1 job · 2 ready · 3 running · 4 scheduled · 5 retryable · 6 parked · 7 turns · 8 gone · 9 wake · 10 tail
--   ARGV  1 id
-- Returns 1 when it had none.
expect_keys('hash list hash zset zset zset hash set list string')
local id = ARGV[1]
local envelope = redis.call('HGET', KEYS[1], id)
if not envelope or string.byte(envelope) == 33 or redis.call('HEXISTS', KEYS[3], id) == 1 or redis.call('HEXISTS', KEYS[7], id) == 1
    or redis.call('ZSCORE', KEYS[4], id) or redis.call('ZSCORE', KEYS[5], id) or redis.call('ZSCORE', KEYS[6], id)
    or redis.call('LPOS', KEYS[2], id) then
    return 0
end
redis.call('SREM', KEYS[8], id)
redis.call('RPUSH', KEYS[2], id)
redis.call('INCR', KEYS[10])
if redis.call('LLEN', KEYS[9]) == 0 then redis.call('RPUSH', KEYS[9], 1) end
return 1
