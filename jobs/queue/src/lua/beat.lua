#!lua flags=allow-oom
-- Says that a worker lives.
--   KEYS  1 beats · 2 workers
--   ARGV  1 its name · 2 now (ms) · 3 what it says of itself
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
return 1
