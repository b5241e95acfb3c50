#!lua flags=no-writes
-- Where one job is now.
--   KEYS  1 job · 2 running · 3 scheduled · 4 retryable · 5 parked · 6 attempts · 7 cancels · 8 turns
--   ARGV  1 id
-- Returns state (available, running, scheduled, retryable, parked, waiting, ended, unknown), envelope, attempts, detail (the running mark,
-- the due time in ms, or the word in whose line it waits), 1 when its cancellation was asked for.
local id = ARGV[1]
local envelope = redis.call('HGET', KEYS[1], id)
local attempts = redis.call('HGET', KEYS[6], id) or ''
if not envelope then return {'unknown', '', attempts, '', 0} end
if string.byte(envelope) == 33 then return {'ended', '', attempts, '', 0} end
local mark = redis.call('HGET', KEYS[2], id)
if mark then
    local wish = redis.call('HGET', KEYS[7], id)
    return {'running', envelope, attempts, mark, wish and wish == string.match(mark, '^%S+ %S+') and 1 or 0}
end
for place, state in pairs({[3] = 'scheduled', [4] = 'retryable', [5] = 'parked'}) do
    local due = redis.call('ZSCORE', KEYS[place], id)
    if due then return {state, envelope, attempts, due, 0} end
end
local entry = redis.call('HGET', KEYS[8], id)
if entry then return {'waiting', envelope, attempts, string.match(entry, '^%S+'), 0} end
return {'available', envelope, attempts, '', 0}
