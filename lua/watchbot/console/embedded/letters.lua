--- console.embedded.letters: the dead letters of an embedded queue, for the console: read newest
-- first, chosen by their place in the table, so that a letter that was replayed and has failed
-- again is another one.

local dead = require "watchbot.queue.sqlite.dead"
local open_queue = require("watchbot.queue").open
local scheduler = require "watchbot.scheduler"

-- Letters that are read at a time where only some are selected; ids of one transaction.
local STEP = 200

-- Letters that are named before something is done with many.
local SAMPLE = 10

-- Those of watchbot.ConsoleSource.
local methods = {}

---@class watchbot.ConsoleLetters
---@field letters watchbot.DeadLetter[]
---@field next integer? where the next page begins

local function matches(letter, match)
  return not match or letter.body:find(match, 1, true) ~= nil
    or (letter.subject or ""):find(match, 1, true) ~= nil
    or (letter.reason or ""):find(match, 1, true) ~= nil or letter.id == match
end

--- Dead letters, newest first. Waits in a task.
---@param most integer
---@param before integer? the `next` of the page before
---@param match string? text in the subject, the message or the reason
---@return watchbot.ConsoleLetters?
---@return string? err
function methods:letters(most, before, match)
  local queue, err = self:open()
  if not queue then return nil, err end
  local found, at, step = {}, before, match and STEP or math.min(STEP, most + 1)
  repeat
    local rows
    rows, err = queue.reader:patiently(dead.newest, step, at)
    if not rows then return nil, err end
    for _, letter in ipairs(rows) do
      if matches(letter, match) then
        if #found == most then return { letters = found, next = found[most].seq } end
        found[#found + 1] = letter
      end
      at = letter.seq
    end
    if match then scheduler.sleep(0) end
  until #rows < step
  return { letters = found }
end

--- What names a letter in the addresses and forms of pages.
---@param letter watchbot.DeadLetter
---@return string
function methods:key(letter) return ("%d"):format(letter.seq) end -- luacheck: ignore 212

--- One dead letter.
---@param key string
---@return watchbot.DeadLetter|false|nil letter false: it is gone
---@return string? err
function methods:letter(key)
  local at, queue, err = math.tointeger(tonumber(key)), self:open()
  if not queue then return nil, err end
  if not at or at >= math.maxinteger then return false end
  local rows
  rows, err = queue.reader:patiently(dead.newest, 1, at + 1)
  if not rows then return nil, err end
  return rows[1] and rows[1].seq == at and rows[1]
end

--- The letters of these keys that still exist. Waits in a task.
---@param keys string[]
---@return watchbot.DeadLetter[]?
---@return string? err
function methods:chosen(keys)
  local found = {}
  for _, key in ipairs(keys) do
    local letter, err = self:letter(key)
    if letter == nil then return nil, err end
    if letter then found[#found + 1] = letter end
  end
  return found
end

--- All letters that exist now: how many, the first few of them, and what bounds them.
---@param match string?
---@return { count: integer, letters: watchbot.DeadLetter[], bound: string }?
---@return string? err
function methods:all(match)
  local queue, err = self:open()
  if not queue then return nil, err end
  local last, counts, first
  last, err = queue:last_dead()
  if not last then return nil, err end
  first, err = self:letters(match and math.huge or SAMPLE, last + 1, match)
  if not first then return nil, err end
  counts, err = queue:counts()
  if not counts then return nil, err end
  return {
    count = match and #first.letters or counts.dead, bound = ("%d"):format(last),
    letters = table.move(first.letters, 1, SAMPLE, 1, {}),
  }
end

-- The ids of letters, oldest first: groups keep their order.
local function ids_of(letters)
  local ids = {}
  table.sort(letters, function(a, b) return a.seq < b.seq end)
  for index, letter in ipairs(letters) do ids[index] = letter.id end
  return ids
end

-- Ids of one transaction.
local function in_batches(queue, change, ids)
  local total = 0
  for first = 1, #ids, STEP do
    local count, err = change(queue,
      table.move(ids, first, math.min(first + STEP - 1, #ids), 1, {}))
    if not count then return nil, err end
    total = total + count
  end
  return total
end

-- The letters that were chosen one by one, or those up to a bound that match.
function methods:wanted(chosen, bound)
  if chosen.keys then return self:chosen(chosen.keys) end
  local found, err = self:letters(math.huge, bound + 1, chosen.match)
  return found and found.letters, err
end

--- Replays or deletes letters. Waits in a task.
---@param what "replay"|"delete"
---@param chosen { keys: string[]?, match: string?, bound: string? } keys, or all up to the bound
---@return integer? count
---@return string? err
function methods:act(what, chosen)
  local bound = math.tointeger(tonumber(chosen.bound))
  if not chosen.keys and not bound then return nil, "the form is incomplete" end
  local queue <close>, err = open_queue(self.url, { create = false, patience = 10 })
  if not queue then return nil, err end
  local change = what == "replay" and queue.replay or queue.purge_dead
  if not chosen.keys and not chosen.match then return change(queue, nil, bound) end
  local letters
  letters, err = self:wanted(chosen, bound)
  if not letters then return nil, err end
  return in_batches(queue, change, ids_of(letters))
end

return methods
