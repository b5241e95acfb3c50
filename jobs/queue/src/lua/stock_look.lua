#!lua flags=no-writes
-- What a stock queue says of its jobs.
--   KEYS  1 payloads · then the metadata of each job (at most 500)
--   ARGV  1 a longer payload is left out · 2 stop after so many bytes of payloads · then ids
-- Returns for each job, as far as the bytes reach, at least one: payload (nil: there is none, or it is left out), its length, mark,
-- metadata (field, value, …). The mark is another one when the job has changed.
local reply, bytes = {}, 0
for i = 3, #ARGV do
    if bytes >= tonumber(ARGV[2]) then break end
    local id, metadata = ARGV[i], KEYS[i - 1]
    local length = redis.call('HSTRLEN', KEYS[1], id)
    local payload = length <= tonumber(ARGV[1]) and redis.call('HGET', KEYS[1], id)
    local fields = redis.call('HGETALL', metadata)
    local past = redis.call('HMGET', metadata, 'attempts', 'status')
    local mark = redis.sha1hex((payload or '') .. '\0' .. (past[1] or '') .. '\0' .. (past[2] or ''))
    reply[#reply + 1] = {payload, length, mark, fields}
    bytes = bytes + length
end
return reply
