--- dead_letters.sqs: the dead letters of an SQS queue, which are in a separate queue.
-- Reading them means receiving them, which hides them for a while (dead_letters.held) and counts as
-- a receive. dead_letters.replay returns them one by one; with dead_letters.move_task SQS does it.

local burial = require "watchbot.message.burial"
local held = require "watchbot.dead_letters.held"
local limits = require "watchbot.lib.limits"
local move_task = require "watchbot.dead_letters.move_task"
local pair = require "watchbot.dead_letters.pair"
local redrive = require "watchbot.queue.sqs.redrive"
local replay = require "watchbot.dead_letters.replay"
local scheduler = require "watchbot.scheduler"

local BATCH = limits.sqs.batch

-- Seconds of a long poll: unlike a short poll it queries all of SQS's servers, so an empty response
-- means an empty queue.
local WAIT = 1

-- Seconds beyond that to wait for the response of an interrupted poll.
local LATE = 2

-- Polls in a row without a new letter before the queue counts as empty.
local STALE = 3

-- The shortest visibility timeout, and the number of letters that are read in a second in the worst
-- case: many letters stay hidden for longer, so that they need not be extended while they are read.
local VISIBILITY, PACE, LONGEST = 60, 20, limits.sqs.visibility - 60

local Letters = { embedded = false }
Letters.__index = Letters

local letters_of_sqs = {}

local function count_of(attributes, which)
  return math.tointeger(tonumber(attributes["ApproximateNumberOfMessages" .. (which or "")])) or 0
end

local function warnings_about(attributes)
  local warnings = {}
  local _, max_receives = redrive.read(attributes)
  if max_receives then
    warnings[1] = ("reading a letter counts as a receive, and this dead-letter queue "
      .. "has one itself: a message received %d times moves on to it"):format(max_receives)
  end
  local hidden = count_of(attributes, "NotVisible")
  if hidden > 0 then
    warnings[#warnings + 1] =
      ("about %d more dead letters are hidden: another program is reading them, or was killed "
        .. "while it did; they become visible again after their visibility timeout"):format(hidden)
  end
  return warnings
end

---@param queue watchbot.queue.Sqs the given queue
---@param options watchbot.DeadLettersOptions
---@return watchbot.DeadLetters?
---@return string? err
---@return string? code
function letters_of_sqs.open(queue, options)
  local found, err, code = pair.find(queue, options)
  if not found then return nil, err, code end
  local self = setmetatable({
    name = found.dead.name, dead = found.dead, main = found.main, sources = found.sources,
    warn = options.warn,
    visibility = options.visibility, attributes = {},
  }, Letters)
  -- In a FIFO queue, too: no task works on them here, and their order is kept.
  self.dead.batch = BATCH
  self.dead.on_corrupt = function(id)
    self:tell(("message %s arrived damaged and was left in the queue"):format(id))
  end
  local attributes
  attributes, err, code = self.dead:attributes()
  if not attributes and code ~= "NotAllowed" then return nil, err, code end
  self.attributes = attributes or {}
  self.warnings = warnings_about(self.attributes)
  return self
end

function Letters:tell(message)
  if self.warn then self.warn(message) end
end

function Letters:count()
  local attributes, err, code = self.dead:attributes()
  if not attributes then return nil, err, code end
  return count_of(attributes)
end

-- reading

function Letters:hold()
  if not self.held then
    local visibility = self.visibility or VISIBILITY + count_of(self.attributes) // PACE
    self.held = held.new(self.dead, math.ceil(math.max(1, math.min(LONGEST, visibility))))
  end
  return self.held
end

-- The messages that no page had; a letter that was settled and is received again is deleted again.
function Letters:fresh(messages)
  local fresh, settled = {}, {}
  for _, message in ipairs(messages) do
    local state = self.held:take(message)
    if state == "new" then fresh[#fresh + 1] = burial.open(message) end
    if state == "gone" then settled[#settled + 1] = message end
  end
  self.held:settle(settled, {}, "%s")
  return fresh
end

-- A reader that is canceled while it receives must still return the letters in the response:
-- `close` waits for it.
function Letters:receive(max, visibility)
  self.polling = scheduler.spawn(self.dead.receive, self.dead, max, WAIT, visibility)
  local results = table.pack(self.polling:join())
  self.polling = nil
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

-- Takes the letters of a receive whose reader was canceled.
function Letters:take_late()
  local ok, messages = self.polling:join(WAIT + LATE)
  if ok == nil then
    self.polling:cancel "the reader was interrupted"
    return
  end
  for _, message in ipairs(ok and messages or {}) do self.held:take(message) end
end

function Letters:page(max)
  local hold = self:hold()
  for _ = 1, STALE do
    local messages, err, code = self:receive(max or BATCH, hold.visibility)
    if not messages then return nil, err, code end
    local fresh = self:fresh(messages)
    if #fresh > 0 or #messages == 0 then return fresh end
  end
  return {}
end

-- While the first ten letters of a group are hidden, SQS does not return later ones.
function Letters:unreachable()
  if not self.dead.fifo then return 0 end
  local attributes = self.dead:attributes()
  return attributes and count_of(attributes) or 0
end

-- settling

-- A started round is always completed: between send and delete a message is in both queues.
function Letters:finish(body, ...)
  self.round = scheduler.spawn(body, ...)
  local results = table.pack(self.round:join())
  self.round = nil
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

function Letters:replay(letters)
  return self:finish(replay, self, letters)
end

-- A source can only be named if it is the only one; a message that was sent to a dead-letter queue
-- by hand has none.
function Letters:destination()
  local sources = self.sources or pair.sources(self.dead)
  if not (sources and #sources == 1 and self.main) then return nil end
  local attributes = self.main:attributes()
  return attributes and attributes.QueueArn
end

function Letters:replay_all(options)
  local arn = self.attributes.QueueArn
  if self.dead.fifo then
    return nil, "in a FIFO queue each gets a fresh deduplication id", "Unsupported"
  end
  if not arn then return nil, "could not determine its ARN", "Unsupported" end
  local count, err, code = move_task.run(self.dead, arn, {
    destination = self:destination(), rate = options.rate, tell = options.tell or function() end,
  })
  if count or (code ~= "Refused" and code ~= "Failed") then return count, err, code end
  return nil, err, "Unsupported"
end

function Letters:delete(letters)
  return self:finish(function()
    local count, failures = 0, {}
    for first = 1, #letters, BATCH do
      local batch = table.move(letters, first, math.min(first + BATCH - 1, #letters), 1, {})
      local deleted, stop = self.held:settle(batch, failures, "%s")
      count = count + deleted
      if stop then return count, failures, stop end
    end
    return count, failures
  end)
end

function Letters:purge()
  local count, err, code = self:count()
  if not count then return nil, err, code end
  local ok
  ok, err, code = self.dead:call("PurgeQueue", {})
  if not ok then return nil, err, code end
  return count
end

function Letters:close()
  if self.round then self.round:join() end
  if self.polling then self:take_late() end
  local problem = self.held and self.held:close()
  if problem then
    self:tell(("could not return the letters that were read; hidden for up to %d s: %s"):format(
      self.held.visibility, problem))
  end
  self.held = nil
end

Letters.__close = Letters.close

return letters_of_sqs
