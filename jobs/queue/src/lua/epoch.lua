#!lua flags=allow-oom
-- Begins a new epoch, unless somebody else has begun one meanwhile.
--   KEYS  1 epoch
--   ARGV  1 the epoch as it was read ('': none) · 2 the new one
-- Returns the epoch that holds.
local present = redis.call('GET', KEYS[1]) or ''
if present ~= ARGV[1] then return present end
redis.call('SET', KEYS[1], ARGV[2])
return ARGV[2]
