--- dead_letters.held: the letters of an SQS queue that were received and are not settled.
-- Reading is receiving: meanwhile no other reader sees them. They stay out of sight for as long as
-- they are needed here, by being extended again and again, and are given back at the end; a
-- reader that was killed has them back soon all the same.

local hands = require "watchbot.lib.hands"
local receipts = require "watchbot.queue.receipts"
local scheduler = require "watchbot.scheduler"

-- Letters that are extended or given back at once: eight full batches.
local AT_ONCE = 80

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
  self.letters[message.id] = {
    receipt = message.receipt, until_time = scheduler.now() + self.visibility,
  }
  if not self.heart then self.heart = scheduler.every(self.visibility / 4, self.beat, self) end
  if self.gone[message.id] then return "gone" end
  return known and "again" or "new"
end

--- A message of this id, should it come, is none that is looked for: it was sent from here, and has
--- died again.
function Held:know(id)
  self.letters[id] = self.letters[id] or false
end

-- The id that a letter has in its queue.
local function key_of(letter)
  return letter.key or letter.id
end

--- Deletes letters that are held, whose work is done; should one come back nevertheless, it is
--- "gone".
---@param letters watchbot.DeadLetter[] at most ten
---@param failures watchbot.DeadLetterFailure[] is given those that could not be deleted
---@param words string the failure's message, with %s for why
---@return integer count
---@return { message: string, code: string }? stop none could be, and the next ones could not either
function Held:settle(letters, failures, words)
  local answers = hands(letters, #letters, function(letter)
    local key = key_of(letter)
    self.gone[key] = true
    return self.queue:delete(assert(self.letters[key], "the letter is not held").receipt)
  end)
  local count, stop = 0, nil
  for index, letter in ipairs(letters) do
    local ok, err, code = table.unpack(answers[index], 1, 3)
    if ok then
      count, self.letters[key_of(letter)] = count + 1, false
    else
      failures[#failures + 1] = { letter = letter, message = words:format(err), code = code }
      stop = { message = err, code = code }
    end
  end
  -- What only this letter's receipt is the reason of says nothing about the others.
  if count > 0 or (stop and receipts.is_expired(stop.code)) then stop = nil end
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

--- Extends what is half over; what fails is tried again at the next beat, and after that comes back
--- by itself.
function Held:beat()
  hands(self:due(self.visibility / 2), AT_ONCE, function(letter)
    if self.queue:extend(letter.receipt, self.visibility) then
      letter.until_time = scheduler.now() + self.visibility
    end
  end)
end

local function give_back(self, letters)
  hands(letters, AT_ONCE, function(letter)
    local ok, err, code = self.queue:delay(letter.receipt, 0)
    if not ok and not receipts.is_expired(code) then self.problem = err end
  end)
end

--- Gives everything back that is left; harmless twice. A task that is canceled meanwhile still
--- waits for the end of it.
---@return string? problem why some of it is hidden for a while yet
function Held:close()
  if self.heart then self.heart:cancel() end
  local letters = self:due(math.huge)
  self.letters = {}
  local giving = scheduler.spawn(give_back, self, letters)
  local ok, err = pcall(giving.join, giving)
  if not ok then
    giving:join()
    error(err, 0)
  end
  return self.problem
end

Held.__close = Held.close

return held
