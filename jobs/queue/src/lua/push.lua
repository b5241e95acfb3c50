-- Makes jobs live: available now, or scheduled. An id that is live, or whose end awaits the recorder, is left alone.
--   KEYS  1 job · 2 ready · 3 scheduled · 4 ended · 5 gone · 6 wake · 7 tail
--   ARGV  1 now (0: ask Redis's clock) · then for each job (at most 500): id, due (ms; 0: at once), envelope
-- Returns how many jobs were new.
local job, ready, scheduled, ended, gone, wake = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local now = tonumber(ARGV[1])
if now == 0 then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local added, available, placed = 0, 0, 0
for i = 2, #ARGV, 3 do
    local id, due, envelope = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
    if redis.call('HEXISTS', ended, id) == 0 and redis.call('HSETNX', job, id, envelope) == 1 then
        added = added + 1
        if due > now then
            redis.call('ZADD', scheduled, due, id)
        else
            available = available + 1
            -- An id has at most one place in the list. One that was cancelled while it waited still has it: it serves again.
            if redis.call('SREM', gone, id) == 0 then
                redis.call('RPUSH', ready, id)
                placed = placed + 1
            end
        end
    end
end
if placed > 0 then redis.call('INCRBY', KEYS[7], placed) end
if available > 0 and redis.call('LLEN', wake) == 0 then redis.call('RPUSH', wake, 1) end
return added
