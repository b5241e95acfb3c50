#!lua flags=no-writes
-- Ids in the ready list from a place on.
--   KEYS  1 ready · 2 tail
--   ARGV  1 the place (as line.lua counts them; 0: from the head) · 2 how many at most (1 to 1,000)
-- Returns the place behind them, and the ids: none at the end. Claims move the others' indexes, and no place.
local head = tonumber(redis.call('GET', KEYS[2]) or 0) - redis.call('LLEN', KEYS[1])
local from = math.max(0, tonumber(ARGV[1]) - head)
local ids = redis.call('LRANGE', KEYS[1], from, from + tonumber(ARGV[2]) - 1)
return {head + from + #ids, ids}
