-- A sign of life of whoever is on the flight.
--   KEYS  1 flight
--   ARGV  1 token · 2 how long it is theirs from now on (ms); 0: they leave it
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
