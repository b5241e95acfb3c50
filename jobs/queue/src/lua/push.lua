#!lua
-- Makes jobs live: available now, or scheduled. An id that is live, or whose end awaits the recorder, is left alone.
--   KEYS  1 job · 2 ready · 3 scheduled · 4 gone · 5 wake · 6 tail · 7 stats · where a job is unique: 8 unique · 9 events · 10 running
--   ARGV  1 how many (1 to 500) · 2 refuse when unrecorded events have this many bytes (0: never) · then their ids, each once
--         · then for each id, envelope · then for each when it is due (ms; 0: at once), or nothing when all are due
-- Returns how many were new, and of those that met another job which does what they ask for, id and that job's id (they have ended, as
-- cancelled); an error that begins with PRESSURE when they were refused.
local KINDS = 'hash list zset set list string hash hash stream hash'
local job, ready, scheduled, gone, wake = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local n, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local bytes, known, any_gone, is_empty, is_awake
read_first(KINDS, function()
    if limit > 0 then bytes = redis.call('HGET', KEYS[7], 'event_bytes') end
    known = redis.call('HMGET', job, unpack(ARGV, 3, 2 + n))
    any_gone = redis.call('SCARD', gone) > 0
    is_empty = redis.call('LLEN', ready) == 0
    is_awake = redis.call('LLEN', wake) > 0
end)
if limit > 0 and tonumber(bytes or 0) >= limit then
    return redis.error_reply('PRESSURE the recorder is behind: new direct pushes are refused')
end
local fresh = true
for i = 1, n do
    if known[i] then
        fresh = false
        break
    end
end
if fresh and #KEYS == 7 and #ARGV == 2 + 3 * n and not any_gone then
    -- The only key that was not read is the first that is written.
    read_first(KINDS, function() redis.call('INCRBY', KEYS[6], n) end)
    redis.call('RPUSH', ready, unpack(ARGV, 3, 2 + n))
    redis.call('HSET', job, unpack(ARGV, 3 + n, 2 + 3 * n))
    if is_empty and not is_awake then redis.call('RPUSH', wake, 1) end
    return {n, {}}
end

expect_keys(KINDS)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local unique, events = KEYS[8], KEYS[9]

-- Whether a job waits that is not worth an attempt any more. Only its claim would end it, which may be far away.
local function has_expired(id, envelope)
    if redis.call('HEXISTS', KEYS[10], id) == 1 then return false end
    local read, told = pcall(cjson.decode, string.match(envelope, '^~[^\n]*\n(.*)$') or envelope)
    local terms = read and type(told) == 'table' and told.terms
    local expires_at = type(terms) == 'table' and tonumber(terms.expires_at)
    return expires_at and expires_at <= now
end

-- Takes the key that a job is unique by; answers who holds it, if that is another job that is wanted still.
local function holder_of(id, envelope)
    local sign, key = string.match(envelope, '^~[^\n]-([=<>])(%S+)')
    if not key then return nil end
    local holder, until_ms = string.match(redis.call('HGET', unique, key) or '', '^(%S+) ?(%d*)$')
    if holder and holder ~= id then
        local theirs = until_ms == '' and redis.call('HGET', job, holder)
        if theirs and string.byte(theirs) ~= 33 and not has_expired(holder, theirs) then return holder end
        if until_ms ~= '' and tonumber(until_ms) > now then return holder end
    end
    local passed = sign == '>' and string.match(envelope, '"until":{"passed":(%d+)}')
    redis.call('HSET', unique, key, passed and string.format('%s %.0f', id, now + passed) or id)
    return nil
end

local added, available, placed = 0, 0, 0
local duplicates, told, envelopes = {}, {}, {}
for i = 1, n do
    local id, envelope = ARGV[2 + i], ARGV[2 + n + 2 * i]
    local holder = unique and not known[i] and holder_of(id, envelope)
    if holder then
        redis.call('HSET', job, id, '!0')
        duplicates[#duplicates + 1] = id
        duplicates[#duplicates + 1] = holder
        told[#told + 1] = {id = id, outcome = 'cancelled', attempt = 0, ended_ms = now, error = 'duplicate of ' .. holder}
        envelopes[#envelopes + 1] = id
        envelopes[#envelopes + 1] = envelope
    elseif not known[i] then
        local due = tonumber(ARGV[2 + 3 * n + i] or 0)
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
        redis.call('HSET', job, id, envelope)
    end
end
if placed > 0 then redis.call('INCRBY', KEYS[6], placed) end
if available > 0 and not is_awake then redis.call('RPUSH', wake, 1) end
if #told > 0 then
    local pack = cjson.encode(told)
    redis.call('XADD', events, '*', 'worker', '', 'events', pack, unpack(envelopes))
    redis.call('HINCRBY', KEYS[7], 'event_bytes', #pack)
    redis.call('HINCRBY', KEYS[7], 'event_count', #told)
    redis.call('HINCRBY', KEYS[7], 'cancelled', #told)
end
if unique then
    -- Keys that were held for a time which is over, a few of them at a time.
    local some = redis.call('HRANDFIELD', unique, 10, 'WITHVALUES')
    for i = 1, #some, 2 do
        local until_ms = string.match(some[i + 1], ' (%d+)$')
        if until_ms and tonumber(until_ms) <= now then redis.call('HDEL', unique, some[i]) end
    end
end
return {added, duplicates}
