#!lua flags=allow-oom
-- Gives available jobs to a worker, oldest first, each with a lease and a fence: first those whose turn at a limit has come, then from the
-- line. A job whose limit has no share left, or that is paused, leaves the line and waits apart: it is met again when its turn comes.
--   KEYS  1 job · 2 ready · 3 running · 4 attempts · 5 gone · 6 wake · 7 fence · 8 epoch
--         · 9 limits · 10 settings · 11 waiting · 12 turns · 13 thaw · 14 paused (job:name, tenant:name, !lane) · 15 stats · 16 unique
--   ARGV  1 how many at most (1 to 500) · 2 lease (ms) · 3 lease token · 4 worker
-- Returns nil when there is no epoch yet (nothing may be claimed without one); else epoch, fence, now (ms), ids, envelopes, and what
-- their earlier attempts were (one each; none when no job of the queue was attempted before).
local KINDS = 'hash list hash hash set list string string hash hash zset hash zset hash hash hash'
local job, ready, running, attempts = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local gone, wake, fence_key, epoch_key = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local waiting, turns, thaw, paused = KEYS[11], KEYS[12], KEYS[13], KEYS[14]
local want = tonumber(ARGV[1])
local epoch, any_paused, rests, any_thaw, any_gone, any_attempts, is_awake, line, found
read_first(KINDS, function()
    epoch = redis.call('GET', epoch_key)
    any_paused = redis.call('HLEN', paused) > 0
    rests = any_paused and redis.call('HEXISTS', paused, '!lane') == 1
    any_thaw = redis.call('ZCARD', thaw) > 0
    line = redis.call('LRANGE', ready, 0, want - 1)
    found = #line > 0 and redis.call('HMGET', job, unpack(line)) or {}
    if #line > 0 or any_thaw then
        any_gone = redis.call('SCARD', gone) > 0
        any_attempts = redis.call('HLEN', attempts) > 0
        is_awake = redis.call('LLEN', wake) > 0
        redis.call('HLEN', running)
        redis.call('GET', fence_key)
    end
end)
if not epoch then return nil end
-- What is paused holds for a worker too that has not heard of it, or cannot: Postgres may be away.
if rests or (#line == 0 and not any_thaw) then return {epoch, 0, 0, {}, {}, {}} end
local texts, text, start = {}, nil, nil
for i = 1, #line do
    local envelope = found[i]
    if envelope and (any_paused or string.byte(envelope) == 126) then
        -- Most jobs of a batch say the same. Found in place: a part cut out would be one string more to make for each job.
        if not start or string.find(envelope, start, 1, true) ~= 1 then
            text = words_of(envelope)
            start = text ~= '' and '~' .. text .. '\n' or nil
        end
        texts[i] = text
    end
end
local limited, not_before = any_thaw or next(texts) ~= nil, nil
if limited then expect_keys(KINDS) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local L = open_limits(KEYS[9], KEYS[10], thaw, KEYS[16], now)

local pauses = {}
local function is_paused(what)
    if pauses[what] == nil then pauses[what] = redis.call('HEXISTS', paused, what) == 1 end
    return pauses[what]
end

local function pause_of(envelope, words)
    if not any_paused then return nil end
    -- The key of a limit may have the sign in it, as addresses do.
    local tenant = string.match(' ' .. words, ' @(%S+)')
    if tenant and is_paused('tenant:' .. tenant) then return '!tenant:' .. tenant end
    local name = string.match(envelope, '^[^{]*{"id":"[^"]*","name":"([^"]*)"')
    if name and is_paused('job:' .. name) then return '!job:' .. name end
    return nil
end

-- How long a share of this limit is not to be had: nil: it is; 0: until somebody gives one back; else until that moment (ms).
local function closed_until(key)
    local bounds, state = bounds_of(L, key), state_of(L, key)
    not_before = not_before or tonumber(redis.call('HGET', KEYS[10], '~') or 0)
    if now < not_before then return not_before end
    -- Nobody has told the bounds yet: a worker does within a second.
    if not bounds then return now + 1000 end
    if bounds.at_once > 0 and state.held >= bounds.at_once then return 0 end
    if bounds.count > 0 then
        local open = state.next_ms - (bounds.burst - 1) * bounds.per / bounds.count
        if now < open then return math.ceil(open) end
    end
    return nil
end

-- How many of a line may have their turn now: looking at more would be in vain.
local function room_of(key)
    local bounds = string.byte(key) ~= 33 and bounds_of(L, key)
    if not bounds then return 100 end
    local state, room = state_of(L, key), 100
    if bounds.at_once > 0 then room = bounds.at_once - state.held end
    if bounds.count > 0 then
        local each = bounds.per / bounds.count
        room = math.min(room, math.floor((now - state.next_ms) / each) + bounds.burst)
    end
    return math.max(1, math.min(room, 100))
end

-- What keeps a job from running, and until when; nil: nothing. `place`: it comes from a line and need not queue up again.
local function obstacle(envelope, words, place)
    local pause = pause_of(envelope, words)
    if pause then return pause, 0 end
    for _, word in ipairs(read_words(L, words).limits) do
        local closed = closed_until(word)
        if closed then return word, closed end
        if not place and state_of(L, word).waiting > 0 then return word, nil end
    end
    return nil
end

-- How many jobs with these words may begin now, none of which has to be looked at by itself.
local function open_to(words)
    local open = any_paused and 0 or want
    for _, word in ipairs(read_words(L, words).limits) do
        if open == 0 or closed_until(word) or state_of(L, word).waiting > 0 then return 0 end
        local bounds, state = bounds_of(L, word), state_of(L, word)
        if bounds.at_once > 0 then open = math.min(open, bounds.at_once - state.held) end
        if bounds.count > 0 then
            local each = bounds.per / bounds.count
            open = math.min(open, math.floor((now - math.max(state.next_ms, now)) / each) + bounds.burst)
        end
    end
    return open
end

local function free_keys(id, words)
    for _, word in ipairs(read_words(L, words).keys) do
        if string.byte(word) == 60 then free_unique(L, id, word) end
    end
end

local function take_shares(words, n)
    for _, word in ipairs(read_words(L, words).limits) do
        local bounds, state = bounds_of(L, word), state_of(L, word)
        state.held = state.held + n
        if bounds.count > 0 then state.next_ms = math.max(state.next_ms, now) + n * bounds.per / bounds.count end
    end
end

local function take(id, words)
    free_keys(id, words)
    take_shares(words, 1)
end

-- Those who must wait, until they are written down together.
local entries_of, turns_of, thaws = {}, {}, {}
local function wait_at(word, closed, id, place)
    local entry = to_entry(word, place, id)
    entries_of[#entries_of + 1] = 0
    entries_of[#entries_of + 1] = entry
    turns_of[#turns_of + 1] = id
    turns_of[#turns_of + 1] = entry
    state_of(L, word).waiting = state_of(L, word).waiting + 1
    -- A rate says when its line is to be met again; a share that is given back says so itself.
    if closed and closed > 0 then thaws[word] = closed end
end

local function write_waiting()
    call_in_parts('ZADD', waiting, entries_of)
    call_in_parts('HSET', turns, turns_of)
    for word, closed in pairs(thaws) do redis.call('ZADD', thaw, closed, word) end
    entries_of, turns_of, thaws = {}, {}, {}
end

local taken, envelopes, tails = {}, {}, {}
local function deliver(id, envelope, words)
    taken[#taken + 1] = id
    envelopes[#envelopes + 1] = envelope
    tails[#taken] = words ~= '' and words or nil
end

-- Those whose turn may have come.
local looked = 0
if any_thaw then
    for _, key in ipairs(redis.call('ZRANGEBYSCORE', thaw, '-inf', now, 'LIMIT', 0, 100)) do
        while #taken < want and looked < 500 do
            local most = math.min(want - #taken, room_of(key))
            local entries = redis.call('ZRANGEBYLEX', waiting, '[' .. key .. ' ', '(' .. key .. '!', 'LIMIT', 0, most)
            if #entries == 0 then
                redis.call('ZREM', thaw, key)
                state_of(L, key).waiting = 0
                break
            end
            looked = looked + #entries
            local places, ids, left = {}, {}, {}
            for i, entry in ipairs(entries) do places[i], ids[i] = string.match(entry, '^%S+ (%S+) (.*)$') end
            local found = redis.call('HMGET', job, unpack(ids))
            for i, entry in ipairs(entries) do
                local id, envelope = ids[i], found[i]
                local is_live = envelope and string.byte(envelope) ~= 33
                local words = is_live and words_of(envelope) or ''
                local blocked, closed
                if is_live then blocked, closed = obstacle(envelope, words, places[i]) end
                if blocked == key then
                    if closed > 0 then redis.call('ZADD', thaw, closed, key) else redis.call('ZREM', thaw, key) end
                    break
                end
                left[i] = entry
                if blocked then
                    wait_at(blocked, closed, id, tonumber(places[i]))
                elseif is_live then
                    take(id, words)
                    deliver(id, envelope, words)
                end
            end
            if #left > 0 then
                redis.call('ZREM', waiting, unpack(left))
                redis.call('HDEL', turns, unpack(ids, 1, #left))
                -- Those of them that wait for another limit now.
                write_waiting()
            end
            local state = state_of(L, key)
            state.waiting = math.max(0, state.waiting - #left)
            if #left < #entries then break end
        end
        if #taken >= want or looked >= 500 then break end
    end
end

local left = math.min(want - #taken, #line)
if left > 0 then
    redis.call('LTRIM', ready, left, -1)
    if limited then load_limits(L, texts, true) end
    local back, current
    local open, taken_of_current = 0, 0
    for i = 1, left do
        local id, envelope, words = line[i], found[i], texts[i]
        -- A tombstone begins with '!': the job ended while its place was still in line.
        local first = envelope and string.byte(envelope)
        if not (any_gone and redis.call('SREM', gone, id) == 1) and first and first ~= 33 then
            if words ~= current then
                if taken_of_current > 0 then take_shares(current, taken_of_current) end
                current, taken_of_current = words, 0
                open = words and open_to(words) or 0
            end
            if not words then
                taken[#taken + 1] = id
                envelopes[#envelopes + 1] = envelope
            elseif taken_of_current < open then
                taken_of_current = taken_of_current + 1
                free_keys(id, words)
                deliver(id, envelope, words)
            else
                if taken_of_current > 0 then take_shares(words, taken_of_current) end
                open, taken_of_current = 0, 0
                local blocked, closed = obstacle(envelope, words, nil)
                if blocked then
                    back = back or redis.call('HINCRBY', KEYS[15], 'back', left) - left
                    wait_at(blocked, closed, id, 5e15 + back + i)
                else
                    take(id, words)
                    deliver(id, envelope, words)
                end
            end
        end
    end
    if taken_of_current > 0 then take_shares(current, taken_of_current) end
    write_waiting()
end
if limited then save_states(L) end
-- One token wakes one worker; what it leaves is for the next.
local more = redis.call('LLEN', ready) > 0 or ((#taken == want or looked >= 500) and redis.call('ZCARD', thaw) > 0)
if more and not is_awake then redis.call('RPUSH', wake, 1) end
if #taken == 0 then return {epoch, 0, 0, {}, {}, {}} end

local fence = redis.call('INCR', fence_key)
local mark = fence .. ' ' .. ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. now .. ' ' .. (now + tonumber(ARGV[2]))
local used = {}
if any_attempts then
    used = redis.call('HMGET', attempts, unpack(taken))
    for i = 1, #taken do used[i] = used[i] or '' end
end
local leases, marks = {}, {}
for i, id in ipairs(taken) do
    local tail = tails[i]
    if tail and not marks[tail] then marks[tail] = mark .. ' ' .. tail end
    leases[2 * i - 1] = id
    leases[2 * i] = tail and marks[tail] or mark
end
redis.call('HSET', running, unpack(leases))
return {epoch, fence, now, taken, envelopes, used}
