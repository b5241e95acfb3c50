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
    return {limits = limits, settings = settings, thaw = thaw, unique = unique, now = now, bounds = {}, states = {}, texts = {}, wakes = false}
end

-- The words of an envelope's first line.
local function words_of(envelope)
    if string.byte(envelope) ~= 126 then return '' end
    return string.sub(envelope, 2, (string.find(envelope, '\n', 2, true) or #envelope + 1) - 1)
end

-- The words behind a lease; nil: there are none.
local function tail_of(held)
    local at = 0
    for _ = 1, 5 do
        at = string.find(held, ' ', at + 1, true)
        if not at then return nil end
    end
    return string.sub(held, at + 1)
end

-- Which delivery runs under a lease: "fence token". A wish to cancel names it, and is nobody else's.
local function delivery_of(held)
    return string.match(held, '^%S+ %S+') or held
end

-- What a text of words names: limits in their order, and unique keys with their sign. Most jobs of a batch say the same: read once.
local function read_words(L, text)
    local read = L.texts[text]
    if not read then
        read = {limits = {}, keys = {}}
        for word in string.gmatch(text, '%S+') do
            local first = string.byte(word)
            if first >= 97 and first <= 122 then
                read.limits[#read.limits + 1] = word
            elseif first == 60 or first == 61 then
                read.keys[#read.keys + 1] = word
            end
        end
        L.texts[text] = read
    end
    return read
end

local function to_state(text)
    local held, waiting, next_ms
    if text then held, waiting, next_ms = string.match(text, '^(%d+) (%d+) (%S+)$') end
    return {held = tonumber(held or 0), waiting = tonumber(waiting or 0), next_ms = tonumber(next_ms or 0)}
end

local function to_bounds(text)
    local at_once, count, per, burst
    if text then at_once, count, per, burst = string.match(text, '^(%d+) (%d+) (%d+) (%d+)$') end
    return at_once and {at_once = tonumber(at_once), count = tonumber(count), per = tonumber(per), burst = tonumber(burst)} or false
end

-- Reads in one step what will be asked of limits one by one; `with_bounds`: what they allow, too.
local function load_limits(L, texts, with_bounds)
    local words, seen = {}, {}
    for _, text in pairs(texts) do
        for _, word in ipairs(text and read_words(L, text).limits or {}) do
            if not seen[word] and not L.states[word] then
                seen[word] = true
                words[#words + 1] = word
            end
        end
    end
    for first = 1, #words, 1000 do
        local last = math.min(first + 999, #words)
        local states = redis.call('HMGET', L.limits, unpack(words, first, last))
        local own = with_bounds and redis.call('HMGET', L.settings, unpack(words, first, last)) or {}
        for i = first, last do
            L.states[words[i]] = to_state(states[i - first + 1])
            if own[i - first + 1] then L.bounds[words[i]] = to_bounds(own[i - first + 1]) end
        end
    end
    L.has_own = with_bounds and seen or nil
end

local function call_in_parts(command, key, args, option)
    for first = 1, #args, 1000 do
        local last = math.min(first + 999, #args)
        if option then redis.call(command, key, option, unpack(args, first, last)) else redis.call(command, key, unpack(args, first, last)) end
    end
end

local function bounds_of(L, word)
    local known = L.bounds[word]
    if known == nil then
        local looked = L.has_own and L.has_own[word]
        local text = not looked and redis.call('HGET', L.settings, word)
        if text then
            known = to_bounds(text)
        else
            local name = string.match(word, '^[^:]+')
            known = L.bounds[name]
            if known == nil then
                known = to_bounds(redis.call('HGET', L.settings, name))
                L.bounds[name] = known
            end
        end
        L.bounds[word] = known
    end
    return known
end

local function state_of(L, word)
    local state = L.states[word]
    if not state then
        state = to_state(redis.call('HGET', L.limits, word))
        L.states[word] = state
    end
    return state
end

-- Writes back what was changed. What nobody holds, waits for or is paced by is forgotten, at once or when its time comes.
local function save_states(L)
    local kept, forgotten, thawing = {}, {}, {}
    for word, state in pairs(L.states) do
        if state.held == 0 and state.waiting == 0 and state.next_ms <= L.now then
            forgotten[#forgotten + 1] = word
        else
            kept[#kept + 1] = word
            kept[#kept + 1] = string.format('%d %d %.3f', state.held, state.waiting, state.next_ms)
            if state.held == 0 and state.waiting == 0 then
                thawing[#thawing + 1] = math.ceil(state.next_ms)
                thawing[#thawing + 1] = word
            end
        end
    end
    call_in_parts('HDEL', L.limits, forgotten)
    call_in_parts('HSET', L.limits, kept)
    call_in_parts('ZADD', L.thaw, thawing, 'NX')
end

local function free_unique(L, id, word)
    local holder = redis.call('HGET', L.unique, string.sub(word, 2))
    if holder and string.match(holder, '^%S+') == id then redis.call('HDEL', L.unique, string.sub(word, 2)) end
end

-- Takes back the shares that stood behind `n` leases with the same words.
local function give_back_shares(L, tail, n)
    for _, word in ipairs(read_words(L, tail).limits) do
        local state = state_of(L, word)
        state.held = math.max(0, state.held - n)
        if state.waiting > 0 then
            redis.call('ZADD', L.thaw, 0, word)
            L.wakes = true
        end
    end
end

-- Takes back what stood behind a lease; `ended`: what was held until the end as well. Answers a limit that the job had a share of.
local function give_back(L, id, tail, ended)
    local read = read_words(L, tail)
    give_back_shares(L, tail, 1)
    for _, word in ipairs(ended and read.keys or {}) do
        if string.byte(word) == 61 then free_unique(L, id, word) end
    end
    return read.limits[#read.limits]
end

-- A job's entry in a line: places have the same length, so that text orders them.
local function to_entry(word, place, id)
    return string.format('%s %016.0f %s', word, place, id)
end

-- Lets a job wait in a line at `place`.
local function queue_up(L, waiting, turns, word, place, id)
    local entry = to_entry(word, place, id)
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
