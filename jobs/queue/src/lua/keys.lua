-- Shared by the scripts that change more than one key; put in front of each of them. Redis does not undo what a script has done before an
-- error: whatever is foreign among the keys is met before anything is done.
local function expect_keys(kinds)
    local place = 0
    for kind in string.gmatch(kinds, '%a+') do
        place = place + 1
        if place > #KEYS then return end
        local found = redis.call('TYPE', KEYS[place]).ok
        if found ~= kind and found ~= 'none' then
            error({err = 'WRONGTYPE ' .. KEYS[place] .. ' holds a ' .. found .. ' and not a ' .. kind})
        end
    end
end

-- The same for a script that reads each of its keys before it writes to any: then that is enough, and costs less than asking for types.
-- `read` is what reads; what its errors do not say, which key it was, is said here.
local function read_first(kinds, read)
    local ok, why = pcall(read)
    if ok then return end
    expect_keys(kinds)
    error(why)
end
