-- Counts one try against a limit (GCRA: the key holds when the burst will be whole again). Answers how long to wait; 0: go on.
--   KEYS  1 the subject's key
--   ARGV  1 interval (ms) · 2 burst
local key, interval, burst = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local whole_at = math.max(tonumber(redis.call('GET', key) or now), now)
local wait = whole_at + interval - now - interval * burst
if wait > 0 then return wait end
redis.call('SET', key, string.format('%d', whole_at + interval), 'PX', whole_at + interval - now)
return 0
