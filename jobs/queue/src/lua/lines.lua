#!lua flags=no-writes
-- A page of jobs that wait for a limit, or are paused, line by line and in the order of each.
--   KEYS  1 waiting · 2 job · 3 attempts
--   ARGV  1 the last entry seen ('': from the start) · 2 how many at most (1 to 500) · 3 1: of what is paused; 0: of limits
-- Returns for each job: id, entry, envelope, attempts.
local low, high = '[!', '("'
if ARGV[3] == '0' then low, high = '["', '+' end
if ARGV[1] ~= '' then low = '(' .. ARGV[1] end
local reply = {}
for _, entry in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], low, high, 'LIMIT', 0, ARGV[2])) do
    local id = string.match(entry, '^%S+ %S+ (.*)$')
    reply[#reply + 1] = id
    reply[#reply + 1] = entry
    reply[#reply + 1] = redis.call('HGET', KEYS[2], id) or ''
    reply[#reply + 1] = redis.call('HGET', KEYS[3], id) or ''
end
return reply
