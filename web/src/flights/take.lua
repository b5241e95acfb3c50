-- Looks whether figures are kept that still count; if not, who brings a token takes the flight, unless somebody is on it.
--   KEYS  1 generation · 2 figures · 3 flight
--   ARGV  1 a generation to begin with where there is none · 2 token; nothing: only looks · 3 how long the flight is theirs without a sign of life (ms)
-- Answers the generation, the figures or nothing, and whether the flight is theirs (1 or 0).
local generation = redis.call('GET', KEYS[1])
if not generation then
    generation = ARGV[1]
    redis.call('SET', KEYS[1], generation, 'EX', 604800)
end
local kept = redis.call('HMGET', KEYS[2], 'generation', 'figures')
if kept[1] == generation then return { generation, kept[2], 0 } end
if ARGV[2] == '' then return { generation, false, 0 } end
local taken = redis.call('SET', KEYS[3], ARGV[2], 'NX', 'PX', ARGV[3])
return { generation, false, taken and 1 or 0 }
