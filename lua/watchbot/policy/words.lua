--- policy.words: lists of words that a policy gives: a program and its arguments, names, patterns.

local words = {}

-- Linux takes an argument or a variable of up to 32 pages, the final NUL included: execve(2),
-- MAX_ARG_STRLEN.
words.LONGEST = 131071

--- Whether it is a list of texts without holes, as `{ "true", os.getenv "UNSET", "--fast" }` is
--- not.
---@param value any
---@return boolean ok
---@return string? detail what is wrong with which item
function words.check(value)
  if type(value) ~= "table" then return false end
  local count, last = 0, 0
  for key, item in next, value do
    if math.type(key) ~= "integer" or key < 1 then return false end
    if type(item) ~= "string" then
      return false, ("item %d is a %s, not text"):format(key, type(item))
    end
    if item:find "%z" then return false, ("item %d holds a NUL"):format(key) end
    count, last = count + 1, math.max(last, key)
  end
  if count < last then
    for index = 1, last do
      if rawget(value, index) == nil then
        return false, ("item %d is nil; %d items are set"):format(index, count)
      end
    end
  end
  return count > 0
end

--- Whether it is a program with its arguments that could be started.
---@param value any
---@return boolean ok
---@return string? detail
function words.check_program(value)
  local ok, detail = words.check(value)
  if not ok then return false, detail end
  if value[1] == "" then return false, "the program's name is empty" end
  for index, word in ipairs(value) do
    if #word > words.LONGEST then
      return false, ("item %d has %d bytes, more than the %d that Linux takes"):format(index, #word,
        words.LONGEST)
    end
  end
  return true
end

return words
