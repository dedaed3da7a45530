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

--- Deletes letters that are held, whose work is done; should one come back nevertheless, it is "gone".
---@param letters watchbot.DeadLetter[] at most ten
---@param failures watchbot.DeadLetterFailure[] is given those that could not be deleted
---@param words string the failure's message, with %s for why
---@return integer count
---@return { message: string, code: string }? stop none could be, and the next ones could not either
function Held:settle(letters, failures, words)
  if #letters == 0 then return 0 end
  local receipts, count = {}, 0
  for index, letter in ipairs(letters) do
    self.gone[letter.id] = true
    receipts[index] = assert(self.letters[letter.id], "the letter is not held").receipt
  end
  local answers, message, code = self.queue:delete(receipts)
  local stop = not answers and { message = message, code = code } or nil
  for index, letter in ipairs(letters) do
    local answer = stop or answers[index]
    if answer == true then
      count, self.letters[letter.id] = count + 1, false
    else
      failures[#failures + 1] = { letter = letter, message = words:format(answer.message), code = answer.code }
    end
  end
  return count, stop
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
  local answers, message = self.queue:delay(delays)
  if not answers then self.problem = message end
end

--- Gives everything back that is left; harmless twice.
---@return string? problem why some of it is hidden for a while yet
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
  return self.problem
end

Held.__close = Held.close

return held
