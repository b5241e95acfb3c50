#!lua flags=allow-oom
-- Tells a lane what limits allow and what is paused, if it was told something else last.
--   KEYS  1 settings · 2 paused · 3 waiting · 4 thaw · 5 wake
--   ARGV  1 version · 2 how many settings (at most 1,000) · then for each: name or word, bounds · then what is paused (`job:name`, `tenant:name`, `!lane`: this one)
-- Returns 1 when anything was new.
expect_keys('hash hash zset zset list')
local settings, paused = KEYS[1], KEYS[2]
if redis.call('HGET', settings, '~version') == ARGV[1] then return 0 end
local not_before = redis.call('HGET', settings, '~')
redis.call('DEL', settings, paused)
redis.call('HSET', settings, '~version', ARGV[1])
if not_before then redis.call('HSET', settings, '~', not_before) end
local n = tonumber(ARGV[2])
for i = 3, 2 + 2 * n, 2 do redis.call('HSET', settings, ARGV[i], ARGV[i + 1]) end
for i = 3 + 2 * n, #ARGV do redis.call('HSET', paused, ARGV[i], 1) end
-- What waits may have its turn now. Lines beyond the first five hundred are met by and by.
local from = '-'
for _ = 1, 500 do
    local entry = redis.call('ZRANGEBYLEX', KEYS[3], from, '+', 'LIMIT', 0, 1)[1]
    if not entry then break end
    local word = string.match(entry, '^%S+')
    redis.call('ZADD', KEYS[4], 0, word)
    from = '[' .. word .. '!'
end
if redis.call('LLEN', KEYS[5]) == 0 then redis.call('RPUSH', KEYS[5], 1) end
return 1
