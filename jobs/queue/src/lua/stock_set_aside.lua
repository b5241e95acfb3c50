#!lua flags=allow-oom
-- Sets stock jobs aside, where no stock worker looks: those that are still what and where they were when they were read.
--   KEYS  1 payloads · 2 where they wait · 3 set aside · 4 heartbeats · then the metadata of each job (at most 500)
--   ARGV  1 what they wait in: list, zset or set · 2 the worker that has them in flight, and 3 its heartbeat as it was read (empty: none)
--         · then for each job: id, mark, its index (list, rising) or score (zset), when it is due (s; 0: at once)
-- Returns for each job whether it was.
local payloads, waiting, aside, beats = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local kind, worker, beat = ARGV[1], ARGV[2], ARGV[3]
local n = (#ARGV - 3) / 4
local reply, window, first = {}, {}, 0
if kind == 'list' then
    first = tonumber(ARGV[6])
    window = redis.call('LRANGE', waiting, first, ARGV[4 * n + 2])
end
-- A worker that has shown itself meanwhile keeps what it has in flight.
local silent = kind ~= 'set' or tonumber(redis.call('ZSCORE', beats, worker) or '') == tonumber(beat)
local gaps = 0
for i = 1, n do
    local id, mark, spot, due = ARGV[4 * i], ARGV[4 * i + 1], ARGV[4 * i + 2], ARGV[4 * i + 3]
    local payload = redis.call('HGET', payloads, id)
    local past = redis.call('HMGET', KEYS[4 + i], 'attempts', 'status')
    local same = payload and mark == redis.sha1hex(payload .. '\0' .. (past[1] or '') .. '\0' .. (past[2] or ''))
    local moved = false
    if not same or not silent then
        moved = false
    elseif kind == 'list' then
        moved = window[tonumber(spot) - first + 1] == id
        if moved then
            redis.call('LSET', waiting, spot, '')
            gaps = gaps + 1
        end
    elseif kind == 'zset' then
        moved = tonumber(redis.call('ZSCORE', waiting, id) or '') == tonumber(spot) and redis.call('ZREM', waiting, id) == 1
    else
        moved = redis.call('SREM', waiting, id) == 1
    end
    if moved then redis.call('ZADD', aside, due, id) end
    reply[i] = moved and 1 or 0
end
-- From the head, and no further than the last of them: what stays behind is passed once a batch, what follows never.
if gaps > 0 then redis.call('LREM', waiting, gaps, '') end
return reply
