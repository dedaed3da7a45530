--- dead_letters.held: the letters of an SQS queue that were received and are not settled.
-- Reading is receiving: meanwhile nobody else sees them. They stay out of sight for as long as they are needed here, by
-- being extended again and again, and are given back at the end; a reader that was killed has them back soon all the same.

local scheduler = require "watchbot.scheduler"

-- Calls under way at once when all is given back, entries of each.
local HANDS, BATCH = 8, 10

local Held = {}
Held.__index = Held

local held = {}

---@param queue watchbot.queue.Sqs
---@param visibility number seconds that a receive hides letters
---@return table held
function held.new(queue, visibility)
  return setmetatable({ queue = queue, visibility = visibility, letters = {}, gone = {} }, Held)
end

--- Takes charge of a received message; one that is held already has a newer receipt.
---@return "new"|"again"|"gone" which of them it is
function Held:take(message)
  local known = self.letters[message.id] ~= nil
  self.letters[message.id] = { receipt = message.receipt, until_time = scheduler.now() + self.visibility }
  if not self.heart then self.heart = scheduler.every(self.visibility / 4, self.beat, self) end
  if self.gone[message.id] then return "gone" end
  return known and "again" or "new"
end

--- A message of this id, should it come, is none that is looked for: it was sent from here, and has died again.
function Held:know(id)
  self.letters[id] = self.letters[id] or false
end

--- Answers for letters, in batches.
local function in_batches(entries, call)
  local position = 1
  while position <= #entries do
    call(table.move(entries, position, math.min(position + BATCH - 1, #entries), 1, {}))
    position = position + BATCH
  end
end

local function receipts_of(entries)
  local receipts = {}
  for index, entry in ipairs(entries) do receipts[index] = entry.receipt end
  return receipts
end

--- Deletes letters that are held; should one come back nevertheless, it is "gone".
---@param ids string[] at most ten
---@return (true|{ message: string, code: string })[]? answers
---@return string? message
---@return string? code
function Held:delete(ids)
  local entries = {}
  for index, id in ipairs(ids) do
    self.gone[id] = true
    entries[index] = assert(self.letters[id], "the letter is not held")
  end
  local answers, message, code = self.queue:delete(receipts_of(entries))
  if not answers then return nil, message, code end
  for index, id in ipairs(ids) do
    if answers[index] == true then self.letters[id] = false end
  end
  return answers
end

--- Those that would be seen by others within `seconds`.
function Held:due(seconds)
  local now, entries = scheduler.now(), {}
  for _, letter in pairs(self.letters) do
    if letter and letter.until_time - now <= seconds then entries[#entries + 1] = letter end
  end
  return entries
end

--- Extends what is half over; what fails is tried again at the next beat, and after that comes back by itself.
function Held:beat()
  in_batches(self:due(self.visibility / 2), function(batch)
    local delays = {}
    for index, letter in ipairs(batch) do delays[index] = { receipt = letter.receipt, seconds = self.visibility } end
    local answers = self.queue:delay(delays)
    for index, letter in ipairs(answers and batch or {}) do
      if answers[index] == true then letter.until_time = scheduler.now() + self.visibility end
    end
  end)
end

local function give_back(self, batch)
  local delays = {}
  for index, letter in ipairs(batch) do delays[index] = { receipt = letter.receipt, seconds = 0 } end
  self.queue:delay(delays)
end

--- Gives everything back that is left; harmless twice.
function Held:close()
  if self.heart then self.heart:cancel() end
  local batches, hands = {}, {}
  in_batches(self:due(math.huge), function(batch) batches[#batches + 1] = batch end)
  self.letters = {}
  for index = 1, math.min(HANDS, #batches) do
    hands[index] = scheduler.spawn(function()
      while #batches > 0 do give_back(self, table.remove(batches)) end
    end)
  end
  for _, hand in ipairs(hands) do hand:join() end
end

Held.__close = Held.close

return held
