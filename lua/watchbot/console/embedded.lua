--- console.embedded: what the console knows of an embedded queue, read from its file. Only actions
-- open the file for writing.

local dead = require "watchbot.queue.sqlite.dead"
local minutes = require "watchbot.console.minutes"
local open_queue = require("watchbot.queue").open
local scheduler = require "watchbot.scheduler"
local urls = require "watchbot.lib.urls"

-- Seconds between two readings while somebody looks, and otherwise, for the charts.
local OFTEN, SELDOM = 1, 10

-- Letters that are read at a time where only some are selected.
local STEP = 200

-- Letters that are named before something is done with many.
local SAMPLE = 10

-- Letters whose times are read at once, for the chart of an hour.
local MOST_COUNTED = 20000

---@class watchbot.ConsoleSource
---@field number integer in the order of the command line
---@field url string
---@field shown string the URL, for people
---@field name string short
---@field figures table<string, number?>
---@field problem string? why the figures are old, or missing
---@field hour table watchbot.console.minutes: sent, done, failed
---@field embedded boolean
local Source = { embedded = true }
Source.__index = Source

local embedded = {}

---@param url string
---@param number integer
---@return watchbot.ConsoleSource
function embedded.new(url, number)
  return setmetatable({
    url = url, shown = urls.hide(url), number = number,
    name = url:gsub("%?.*$", ""):match "([^/:]+)$" or url,
    figures = {}, hour = minutes.new(),
  }, Source)
end

-- The file may be created, or replaced, while the console runs.
function Source:open()
  if self.queue and not self.queue.reader:has_moved() then return self.queue end
  if self.queue then self.queue:close() end
  local err, code
  self.queue, err, code = open_queue(self.url, { read_only = true, patience = 2 })
  self.before, self.counted = nil, nil
  return self.queue, err, code
end

function Source:pause(watched)
  return watched and OFTEN or SELDOM
end

-- Between two readings: sent, and what has left the queue, for the dead letters or done.
function Source:count(traffic, died, now)
  local before = self.before
  self.before = { sent = traffic.sent, there = traffic.there }
  if not before then return end
  local sent = traffic.sent - before.sent
  local left = sent - (traffic.there - before.there)
  self.hour:add("sent", math.max(0, sent), now)
  self.hour:add("done", math.max(0, left - died), now)
end

-- The letters since the last reading, at first those of an hour. => their number
function Source:count_dead(queue, now)
  local since = now - minutes.KEPT * 60000
  if not self.counted then self.hour:replace("failed", {}, now) end
  local rows, err, code = queue.reader:patiently(dead.times, self.counted or 0, MOST_COUNTED)
  if not rows then return nil, err, code end
  for _, row in ipairs(rows) do
    local died = math.tointeger(row.died) or 0
    if died > since and died <= now then self.hour:add("failed", 1, died) end
  end
  self.hour:add("failed", 0, now)
  self.counted = rows[1] and rows[1].seq or self.counted or 0
  return #rows
end

local function read(self)
  local queue, err, code = self:open()
  if not queue then return nil, err, code end
  local counts, traffic, died
  counts, err, code = queue:counts()
  if not counts then return nil, err, code end
  traffic, err, code = queue:traffic()
  if not traffic then return nil, err, code end
  local now = scheduler.time()
  died, err, code = self:count_dead(queue, now)
  if not died then return nil, err, code end
  counts.oldest = traffic.oldest and math.max(0, now - traffic.oldest) / 1000
  self:count(traffic, died, now)
  return counts
end

--- Reads the figures again. Waits in a task.
function Source:refresh()
  local figures, err = read(self)
  self.problem = not figures and err or nil
  self.figures = figures or self.figures
end

-- dead letters

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
function Source:letters(most, before, match)
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
function Source:key(letter) return ("%d"):format(letter.seq) end -- luacheck: ignore 212

--- One dead letter.
---@param key string
---@return watchbot.DeadLetter|false|nil letter false: it is gone
---@return string? err
function Source:letter(key)
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
function Source:chosen(keys)
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
function Source:all(match)
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
function Source:wanted(chosen, bound)
  if chosen.keys then return self:chosen(chosen.keys) end
  local found, err = self:letters(math.huge, bound + 1, chosen.match)
  return found and found.letters, err
end

--- Replays or deletes letters. Waits in a task.
---@param what "replay"|"delete"
---@param chosen { keys: string[]?, match: string?, bound: string? } keys, or all up to the bound
---@return integer? count
---@return string? err
function Source:act(what, chosen)
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

--- Closes the file.
function Source:close()
  if self.queue then self.queue:close() end
end

return embedded
