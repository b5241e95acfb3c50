-- Shared by the scripts that hand out shares of limits or take them back; put in front of each of them.
--
-- A job that asks for more than a slot has a first line before its envelope, `~` and words, and the words behind its lease while it runs:
--   limit, limit:key  it counts against this limit        =key  it holds this unique key until its end
--   @tenant           for whom it is done                 <key  it holds this unique key until its first attempt
--   ~progress         (behind the lease only)             >key  it holds this unique key for a time
-- Words have no spaces. What the keys hold:
--   limits    word → "held waiting next_ms": shares in use, jobs that wait for one, and for a rate the moment from which one more is due
--   settings  name or word → "at_once count per_ms burst" (0: not bounded so); '~': until when (ms) no share is given, because holders of
--             another life of the data may still run; '~version': what the others were told last
--   waiting   "word place id", in the order of each word's line; `!job:name` and `!tenant:name` are the lines of what is paused
--   turns     id → its entry in `waiting`
--   thaw      word → when (ms) its line is to be looked at
--   unique    key → "id", or "id until_ms"
local function open_limits(limits, settings, thaw, unique, now)
    return {limits = limits, settings = settings, thaw = thaw, unique = unique, now = now, bounds = {}, states = {}, wakes = false}
end

local function is_limit(word)
    local first = string.byte(word)
    return first >= 97 and first <= 122
end

-- The words of an envelope's first line.
local function words_of(envelope)
    return string.byte(envelope) == 126 and string.match(envelope, '^~([^\n]*)') or ''
end

-- The words behind a lease.
local function tail_of(held)
    return string.match(held, '^%S+ %S+ %S+ %S+ %S+ (.+)$')
end

local function bounds_of(L, word)
    local known = L.bounds[word]
    if known == nil then
        local text = redis.call('HGET', L.settings, word) or redis.call('HGET', L.settings, string.match(word, '^[^:]+'))
        local at_once, count, per, burst = string.match(text or '', '^(%d+) (%d+) (%d+) (%d+)$')
        known = at_once and {at_once = tonumber(at_once), count = tonumber(count), per = tonumber(per), burst = tonumber(burst)} or false
        L.bounds[word] = known
    end
    return known
end

local function state_of(L, word)
    local state = L.states[word]
    if not state then
        local held, waiting, next_ms = string.match(redis.call('HGET', L.limits, word) or '', '^(%d+) (%d+) (%S+)$')
        state = {held = tonumber(held or 0), waiting = tonumber(waiting or 0), next_ms = tonumber(next_ms or 0)}
        L.states[word] = state
    end
    return state
end

-- Writes back what was changed. What nobody holds, waits for or is paced by is forgotten, at once or when its time comes.
local function save_states(L)
    for word, state in pairs(L.states) do
        if state.held == 0 and state.waiting == 0 and state.next_ms <= L.now then
            redis.call('HDEL', L.limits, word)
        else
            redis.call('HSET', L.limits, word, string.format('%d %d %.3f', state.held, state.waiting, state.next_ms))
            if state.held == 0 and state.waiting == 0 then redis.call('ZADD', L.thaw, 'NX', math.ceil(state.next_ms), word) end
        end
    end
end

local function free_unique(L, id, word)
    local holder = redis.call('HGET', L.unique, string.sub(word, 2))
    if holder and string.match(holder, '^%S+') == id then redis.call('HDEL', L.unique, string.sub(word, 2)) end
end

-- Takes back the shares that stood behind a lease; `ended`: what was held until the end as well. Answers a limit that the job had a share of.
local function give_back(L, id, tail, ended)
    local any
    for word in string.gmatch(tail, '%S+') do
        if is_limit(word) then
            any = word
            local state = state_of(L, word)
            state.held = math.max(0, state.held - 1)
            if state.waiting > 0 then
                redis.call('ZADD', L.thaw, 0, word)
                L.wakes = true
            end
        elseif ended and string.byte(word) == 61 then
            free_unique(L, id, word)
        end
    end
    return any
end

-- Lets a job wait in a line at `place`: places have the same length, so that text orders them.
local function queue_up(L, waiting, turns, word, place, id)
    local entry = string.format('%s %016.0f %s', word, place, id)
    redis.call('ZADD', waiting, 0, entry)
    redis.call('HSET', turns, id, entry)
    state_of(L, word).waiting = state_of(L, word).waiting + 1
end

-- Lets a job that was handed back wait before the others of its line.
local function queue_up_first(L, waiting, turns, stats, word, id)
    queue_up(L, waiting, turns, word, 5e15 + redis.call('HINCRBY', stats, 'front', -1), id)
    redis.call('ZADD', L.thaw, 0, word)
    L.wakes = true
end
