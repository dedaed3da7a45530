--- dead_letters.held: the dead letters of an SQS queue that were received and are not settled.
-- Reading a dead letter means receiving it, which hides it from other readers. Letters stay hidden
-- as long as they are needed here, by extending their visibility timeout, and are returned at the
-- end; if the reader is killed, they soon become visible again.

local hands = require "watchbot.lib.hands"
local receipts = require "watchbot.queue.receipts"
local scheduler = require "watchbot.scheduler"

-- Letters that are extended or returned at once: eight full batches.
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

--- Registers a received message; a registered one gets its newer receipt handle.
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

--- A message with this id is ignored from now on: it was sent from here, and has failed again.
function Held:know(id)
  self.letters[id] = self.letters[id] or false
end

-- The id that a letter has in the dead-letter queue.
local function key_of(letter)
  return letter.key or letter.id
end

--- Deletes settled letters that are held; if one is received again, it counts as "gone".
---@param letters watchbot.DeadLetter[] at most ten
---@param failures watchbot.DeadLetterFailure[] receives those that could not be deleted
---@param words string the error's text, with %s for the reason
---@return integer count
---@return { message: string, code: string }? stop the error, if no letter could be deleted and
--- further calls would fail, too
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
  -- An error about one receipt handle does not concern the other letters.
  if count > 0 or (stop and receipts.is_expired(stop.code)) then stop = nil end
  return count, stop
end

--- Letters that would become visible within `seconds`.
function Held:due(seconds)
  local now, entries = scheduler.now(), {}
  for _, letter in pairs(self.letters) do
    if letter and letter.until_time - now <= seconds then entries[#entries + 1] = letter end
  end
  return entries
end

--- Extends those with less than half of their time left; failures are retried at the next beat, and
--- after that the letter becomes visible by itself.
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

--- Returns all remaining letters; may be called twice. If the task is canceled meanwhile, it still
--- waits for the end.
---@return string? problem why some letters stay hidden for a while
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
