-- Looks whether figures are kept that count in the reader's generation; if not, who brings a token takes the flight, unless somebody is on it.
--   KEYS  1 figures · 2 flight
--   ARGV  1 generation · 2 token; nothing: only looks · 3 how long the flight is theirs without a sign of life (ms)
-- Answers the figures or nothing, and whether the flight is theirs (1 or 0).
local kept = redis.call('HMGET', KEYS[1], 'generation', 'figures')
-- Those of a later generation are newer than what was asked for.
if (tonumber(kept[1] or '') or -1) >= tonumber(ARGV[1]) then return { kept[2], 0 } end
if ARGV[2] == '' then return { false, 0 } end
local taken = redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3])
return { false, taken and 1 or 0 }
