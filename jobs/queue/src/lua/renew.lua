#!lua flags=allow-oom
-- Extends leases that are still the caller's, and says which jobs somebody wants cancelled.
--   KEYS  1 running · 2 cancels
--   ARGV  1 lease (ms) · then for each delivery (at most 500): id, mark ("fence token " as claimed),
--         how far it has got ('': as before)
-- Returns for each delivery: 0 the lease is somebody else's · 1 renewed · 2 renewed, and cancel it.
local running, cancels = KEYS[1], KEYS[2]
local time = redis.call('TIME')
local expires = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[1])
local reply = {}
for i = 2, #ARGV, 3 do
    local id, mark, progress = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    local held = redis.call('HGET', running, id)
    if held and string.sub(held, 1, #mark) == mark then
        local lease, tail = string.match(held, '^(%S+ %S+ %S+ %d+ )%d+(.*)$')
        if progress ~= '' then tail = string.gsub(tail, ' ~%S+$', '') .. ' ~' .. progress end
        redis.call('HSET', running, id, lease .. expires .. tail)
        -- A wish for another delivery is an old one.
        local wish = redis.call('HGET', cancels, id)
        reply[#reply + 1] = wish and wish == string.match(held, '^%S+ %S+') and 2 or 1
    else
        reply[#reply + 1] = 0
    end
end
return reply
