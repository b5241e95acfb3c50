#!lua flags=allow-oom
-- Cancels a job in whatever live state it is, or only while it waits; or takes one that waits out of Redis, to be pushed anew.
--   KEYS  1 job · 2 running · 3 scheduled · 4 retryable · 5 attempts · 6 gone · 7 cancels · 8 events · 9 stats · 10 parked
--         · 11 limits · 12 settings · 13 thaw · 14 unique · 15 turns · 16 waiting · 17 fence · 18 epoch
--   ARGV  1 id · 2 event (JSON, without ended_ms and attempt) · 3 `waiting`: a running job is left alone; `withdraw`: so it is, and nothing
--         is told of one that waited; `recall`: nor of one that ran, which is taken from whoever has it
-- Returns `cancelled`, `running` (its worker will be told), `ended` (too late) or `unknown` (no such live job), and how many attempts it used; to
-- `withdraw` and `recall` also the epoch's number, and a fence that is newer than every delivery so far.
expect_keys('hash hash zset zset hash set hash stream hash zset hash hash zset hash hash zset string string')
local job, running, scheduled, retryable, attempts = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local gone, cancels, events, stats, parked = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local id, takes_out = ARGV[1], ARGV[3] == 'withdraw' or ARGV[3] == 'recall'
local function answer(what, used)
    if not takes_out then return {what, used} end
    return {what, used, tonumber(string.match(redis.call('GET', KEYS[18]) or '', '^%d+') or 0), redis.call('INCR', KEYS[17])}
end
local held = redis.call('HGET', running, id)
if held and ARGV[3] ~= 'recall' then
    if ARGV[3] == '' then redis.call('HSET', cancels, id, delivery_of(held)) end
    return answer('running', 0)
end
local envelope = redis.call('HGET', job, id)
if not envelope then return answer('unknown', 0) end
if string.byte(envelope) == 33 then return answer('ended', 0) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local L = open_limits(KEYS[11], KEYS[12], KEYS[13], KEYS[14], now)
for _, word in ipairs(read_words(L, words_of(envelope)).keys) do free_unique(L, id, word) end
local entry = redis.call('HGET', KEYS[15], id)
if held then
    redis.call('HDEL', running, id)
    redis.call('HDEL', cancels, id)
    local tail = tail_of(held)
    if tail then give_back(L, id, tail, false) end
    save_states(L)
elseif entry then
    redis.call('HDEL', KEYS[15], id)
    redis.call('ZREM', KEYS[16], entry)
    local line = state_of(L, string.match(entry, '^%S+'))
    line.waiting = math.max(0, line.waiting - 1)
    save_states(L)
elseif redis.call('ZREM', scheduled, id) + redis.call('ZREM', retryable, id) + redis.call('ZREM', parked, id) == 0 then
    -- It stands in the ready list. Taking it out would cost a walk of the list: a claim skips its place.
    redis.call('SADD', gone, id)
end
local used = tonumber(string.match(redis.call('HGET', attempts, id) or '0', '^%d+'))
if takes_out then
    redis.call('HDEL', attempts, id)
    redis.call('HDEL', job, id)
    return answer('cancelled', used)
end
local event = cjson.decode(ARGV[2])
event.ended_ms = now
event.attempt = used
redis.call('HSET', job, id, '!0')
redis.call('HDEL', attempts, id)
local pack = cjson.encode({event})
redis.call('XADD', events, '*', 'worker', '', 'events', pack, id, envelope)
redis.call('HINCRBY', stats, 'event_bytes', #pack)
redis.call('HINCRBY', stats, 'event_count', 1)
redis.call('HINCRBY', stats, 'cancelled', 1)
return {'cancelled', used}
