#!lua flags=no-writes
-- A page of waiting jobs in the order of their time, after a given one.
--   KEYS  1 set of ids by due time (scheduled or retryable) · 2 job · 3 attempts
--   ARGV  1 score of the last job seen (-1: from the start) · 2 its id · 3 how many at most (1 to 500)
-- Equal scores are ordered by id, as Redis orders them. Returns for each job: id, score, envelope, attempts.
local set, job, attempts = KEYS[1], KEYS[2], KEYS[3]
local from = 0
if tonumber(ARGV[1]) >= 0 then
    -- The job last seen may be gone: its rank is found by bisection among its equals.
    local low, high = redis.call('ZCOUNT', set, '-inf', '(' .. ARGV[1]), redis.call('ZCOUNT', set, '-inf', ARGV[1])
    while low < high do
        local middle = math.floor((low + high) / 2)
        if redis.call('ZRANGE', set, middle, middle)[1] <= ARGV[2] then low = middle + 1 else high = middle end
    end
    from = low
end
local reply = {}
local rows = redis.call('ZRANGE', set, from, from + ARGV[3] - 1, 'WITHSCORES')
for i = 1, #rows, 2 do
    local id = rows[i]
    reply[#reply + 1] = id
    reply[#reply + 1] = rows[i + 1]
    reply[#reply + 1] = redis.call('HGET', job, id) or ''
    reply[#reply + 1] = redis.call('HGET', attempts, id) or ''
end
return reply
