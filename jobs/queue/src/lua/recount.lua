#!lua flags=allow-oom
-- Counts anew who holds shares of limits and who waits for them: half a claim takes a share that no lease stands for, and it would never
-- come back. As much work as there are running jobs.
--   KEYS  1 running · 2 limits · 3 settings · 4 thaw · 5 unique · 6 waiting · 7 wake
--   ARGV  none
-- Returns how many counts were wrong.
expect_keys('hash hash hash zset hash zset list')
local time = redis.call('TIME')
local L = open_limits(KEYS[2], KEYS[3], KEYS[4], KEYS[5], time[1] * 1000 + math.floor(time[2] / 1000))
local held, wrong = {}, 0
for _, word in ipairs(redis.call('HKEYS', KEYS[2])) do held[word] = 0 end
for _, lease in ipairs(redis.call('HVALS', KEYS[1])) do
    local tail = tail_of(lease)
    for _, word in ipairs(tail and read_words(L, tail).limits or {}) do held[word] = (held[word] or 0) + 1 end
end
for word, number in pairs(held) do
    local state, waiting = state_of(L, word), redis.call('ZLEXCOUNT', KEYS[6], '[' .. word .. ' ', '(' .. word .. '!')
    if state.held ~= number or state.waiting ~= waiting then
        wrong = wrong + 1
        state.held, state.waiting = number, waiting
        if waiting > 0 then
            redis.call('ZADD', KEYS[4], 0, word)
            L.wakes = true
        end
    end
end
save_states(L)
if L.wakes and redis.call('LLEN', KEYS[7]) == 0 then redis.call('RPUSH', KEYS[7], 1) end
return wrong
