#!lua flags=allow-oom
-- Begins a new epoch, unless somebody else has begun one meanwhile.
--   KEYS  1 epoch · 2 settings
--   ARGV  1 the epoch as it was read ('': none) · 2 the new one · 3 lease (ms)
-- Returns the epoch that holds.
local present = redis.call('GET', KEYS[1]) or ''
if present ~= ARGV[1] then return present end
redis.call('SET', KEYS[1], ARGV[2])
-- Jobs that an earlier life gave shares may run until their workers find out: no share is given before.
local time = redis.call('TIME')
redis.call('HSET', KEYS[2], '~', time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[3]))
return ARGV[2]
