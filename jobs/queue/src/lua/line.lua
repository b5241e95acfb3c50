#!lua flags=no-writes
-- A page of available jobs in the order in which they will be claimed, after a given place.
--   KEYS  1 ready · 2 job · 3 attempts · 4 gone · 5 tail
--   ARGV  1 the last place seen (-1: from the head) · 2 how many at most (1 to 500)
-- A place is a number that a job keeps while others come and go: `tail` counts what was ever appended, so the head's place is tail
-- less the length. Returns for each job: id, place, envelope, attempts.
local ready, job, attempts, gone = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local limit = tonumber(ARGV[2])
local head = tonumber(redis.call('GET', KEYS[5]) or 0) - redis.call('LLEN', ready)
local from = ARGV[1] == '-1' and 0 or math.max(0, tonumber(ARGV[1]) + 1 - head)
local reply = {}
-- Cancelled jobs still have their places; a page looks at no more than a few times its size.
for _ = 1, 4 do
    local ids = redis.call('LRANGE', ready, from, from + limit - 1)
    for i, id in ipairs(ids) do
        local envelope = redis.call('SISMEMBER', gone, id) == 0 and redis.call('HGET', job, id)
        if envelope and string.byte(envelope) ~= 33 and #reply < limit * 4 then
            reply[#reply + 1] = id
            reply[#reply + 1] = head + from + i - 1
            reply[#reply + 1] = envelope
            reply[#reply + 1] = redis.call('HGET', attempts, id) or ''
        end
    end
    from = from + limit
    if #ids < limit or #reply >= limit * 4 then break end
end
return reply
