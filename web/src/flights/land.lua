-- Keeps figures, unless what they are made of has changed meanwhile, and leaves the flight if it is still theirs.
--   KEYS  1 generation · 2 figures · 3 flight
--   ARGV  1 the generation in which they were begun · 2 token · 3 figures · 4 how long they are kept (ms)
if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('HSET', KEYS[2], 'generation', ARGV[1], 'figures', ARGV[3])
    redis.call('PEXPIRE', KEYS[2], ARGV[4])
end
if redis.call('GET', KEYS[3]) == ARGV[2] then redis.call('DEL', KEYS[3]) end
return 1
