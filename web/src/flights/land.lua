-- Keeps figures, unless those of a later generation are kept, and leaves the flight if it is still theirs.
--   KEYS  1 figures · 2 flight
--   ARGV  1 the generation in which they were begun · 2 token · 3 figures · 4 how long they are kept (ms)
if (tonumber(redis.call('HGET', KEYS[1], 'generation') or '') or -1) <= tonumber(ARGV[1]) then
    redis.call('HSET', KEYS[1], 'generation', ARGV[1], 'figures', ARGV[3])
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
if redis.call('GET', KEYS[2]) == ARGV[2] then redis.call('DEL', KEYS[2]) end
return 1
