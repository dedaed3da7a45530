--- dead_letters.sqs: the dead letters of an SQS queue: a queue of its own.
-- To read them is to receive them, which hides them for a while (dead_letters.held) and counts as a receive. A replay sends
-- first and deletes when SQS has confirmed the send: whenever it is interrupted, a message may be there twice, never not at
-- all. In FIFO queues the messages of a group are sent one after the other, and none behind one that failed.

local held = require "watchbot.dead_letters.held"
local move_task = require "watchbot.dead_letters.move_task"
local pair = require "watchbot.dead_letters.pair"
local resend = require "watchbot.resend"
local scheduler = require "watchbot.scheduler"
local sqs = require "watchbot.queue.sqs"

local BATCH = 10

-- Seconds of a long poll: unlike a short one it asks all of SQS's servers, so an empty answer is an empty queue.
local WAIT = 1

-- Polls in a row that bring nothing new before the end is believed.
local STALE = 3

-- Seconds that letters are out of sight at least, and how many letters are read in a second at the very least: where there are
-- many, they stay hidden for longer, so that they need not be extended while they are read.
local VISIBILITY, PACE, LONGEST = 60, 20, 12 * 3600 - 60

local Letters = { embedded = false }
Letters.__index = Letters

local letters_of_sqs = {}

local function warning_about(attributes)
  local _, max_receives = pair.redrive(attributes)
  if not max_receives then return nil end
  return ("reading a letter counts as a receive, and this dead-letter queue has one of its own: what was received %d times "
    .. "moves on to that"):format(max_receives)
end

local function count_of(attributes)
  return math.tointeger(tonumber(attributes.ApproximateNumberOfMessages)) or 0
end

---@param queue watchbot.queue.Sqs the queue that was named
---@param options watchbot.DeadLettersOptions
---@return watchbot.DeadLetters?
---@return string? message
---@return string? code
function letters_of_sqs.open(queue, options)
  local found, message, code = pair.find(queue, options)
  if not found then return nil, message, code end
  local self = setmetatable({
    name = found.dead.name, dead = found.dead, main = found.main, sources = found.sources, warn = options.warn,
    visibility = options.visibility, queues = {}, attributes = {},
  }, Letters)
  self.dead.batch = BATCH -- also of a FIFO queue: here nobody works on them, and their order is kept
  self.dead.on_corrupt = function(id) self:tell(("message %s arrived damaged and was left where it is"):format(id)) end
  local attributes
  attributes, message, code = self.dead:attributes()
  if not attributes and code ~= "NotAllowed" then return nil, message, code end
  self.attributes = attributes or {}
  self.warning = warning_about(self.attributes)
  return self
end

function Letters:tell(message)
  if self.warn then self.warn(message) end
end

function Letters:count()
  local attributes, message, code = self.dead:attributes()
  if not attributes then return nil, message, code end
  return count_of(attributes)
end

-- reading

function Letters:hold()
  if not self.held then
    local visibility = self.visibility or VISIBILITY + count_of(self.attributes) // PACE
    self.held = held.new(self.dead, math.max(1, math.min(LONGEST, visibility)))
  end
  return self.held
end

-- The messages among these that no page had; those that were settled, and came back nevertheless, are deleted again.
function Letters:fresh(messages)
  local fresh, settled = {}, {}
  for _, message in ipairs(messages) do
    local state = self.held:take(message)
    if state == "new" then fresh[#fresh + 1] = message end
    if state == "gone" then settled[#settled + 1] = message.id end
  end
  if #settled > 0 then self.held:delete(settled) end
  return fresh
end

function Letters:page(max)
  local hold = self:hold()
  for _ = 1, STALE do
    local messages, message, code = self.dead:receive(max or BATCH, WAIT, hold.visibility)
    if not messages then return nil, message, code end
    local fresh = self:fresh(messages)
    if #fresh > 0 or #messages == 0 then return fresh end
  end
  return {}
end

-- Behind the first ten of its group a letter is not to be had while those are out of sight.
function Letters:unreachable()
  if not self.dead.fifo then return 0 end
  local attributes = self.dead:attributes()
  return attributes and count_of(attributes) or 0
end

-- replaying

--- The queue that a letter came from: SQS tells it; where it does not, the one whose letters these are.
function Letters:home(letter)
  local url = letter.source and pair.url(letter.source, self.dead.name)
  if not url or (self.main and url == self.main.name) then return self.main end
  self.queues[url] = self.queues[url] or sqs.open(url, { client = self.dead.client })
  return self.queues[url]
end

-- Which letters may go together: ten of one queue, in a FIFO queue of different groups.
local function next_round(waiting, fifo)
  local round, rest, groups = {}, {}, {}
  for _, letter in ipairs(waiting) do
    local group = fifo and (letter.group or "")
    if #round < BATCH and not (group and groups[group]) then
      round[#round + 1] = letter
    else
      rest[#rest + 1] = letter
    end
    if group then groups[group] = true end
  end
  return round, rest
end

local function failure(letter, answer)
  return { letter = letter, message = answer.message, code = answer.code }
end

-- => the letters that SQS has confirmed
local function send(self, queue, round, failures)
  local outgoing, sent = {}, {}
  for index, letter in ipairs(round) do outgoing[index] = resend(letter) end
  local answers, message, code = queue:send(outgoing)
  for index, letter in ipairs(round) do
    local answer = answers and answers[index] or { message = message, code = code }
    if answer.id then
      sent[#sent + 1] = letter
      self.held:know(answer.id)
    else
      failures[#failures + 1] = failure(letter, answer)
    end
  end
  return sent
end

-- Deletes letters; those that it could not are failures.
local function remove(self, letters, failures, words)
  if #letters == 0 then return 0 end
  local ids = {}
  for index, letter in ipairs(letters) do ids[index] = letter.id end
  local answers, message, code = self.held:delete(ids)
  local count = 0
  for index, letter in ipairs(letters) do
    local answer = answers and answers[index] or { message = message, code = code }
    if answer == true then
      count = count + 1
    else
      failures[#failures + 1] = failure(letter, { message = words:format(answer.message), code = answer.code })
    end
  end
  return count
end

local function without_failed_groups(waiting, failures)
  local failed, kept = {}, {}
  for _, one in ipairs(failures) do failed[one.letter.group or ""] = one end
  for _, letter in ipairs(waiting) do
    local one = failed[letter.group or ""]
    if one then
      failures[#failures + 1] = { letter = letter, message = "one before it in its group failed", code = one.code }
    else
      kept[#kept + 1] = letter
    end
  end
  return kept
end

local function replay_to(self, queue, waiting, failures)
  local count = 0
  while #waiting > 0 do
    local round, rest = next_round(waiting, queue.fifo)
    waiting = rest
    local sent = send(self, queue, round, failures)
    count = count + remove(self, sent, failures, "it was sent, but is still among the dead letters too: %s")
    if queue.fifo then waiting = without_failed_groups(waiting, failures) end
  end
  return count
end

-- => { { queue, letters } ... }, in the order of their first letters ; those without a queue are failures
local function by_home(self, letters, failures)
  local all, of_queue = {}, {}
  for _, letter in ipairs(letters) do
    local queue = self:home(letter)
    if queue and not of_queue[queue] then
      of_queue[queue] = { queue = queue, letters = {} }
      all[#all + 1] = of_queue[queue]
    end
    if queue then
      table.insert(of_queue[queue].letters, letter)
    else
      failures[#failures + 1] = failure(letter, {
        message = ("it is not told which of %d queues it came from: name it with --queue, and this one with "
          .. "--dead-letter-queue"):format(#(self.sources or {})), code = "NoSource",
      })
    end
  end
  return all
end

-- A round that was begun is brought to its end: between the send and the delete a message is in both queues.
function Letters:finish(body, ...)
  self.round = scheduler.spawn(body, ...)
  local ok, count, failures = self.round:join()
  self.round = nil
  if not ok then error(count, 0) end
  return count, failures
end

function Letters:replay(letters)
  return self:finish(function()
    local count, failures = 0, {}
    for _, one in ipairs(by_home(self, letters, failures)) do
      count = count + replay_to(self, one.queue, one.letters, failures)
    end
    return count, failures
  end)
end

-- Only where there is one source can it be named; and what was sent to a dead-letter queue by hand has no source.
function Letters:destination()
  local sources = self.sources or pair.sources(self.dead)
  if not (sources and #sources == 1 and self.main) then return nil end
  local attributes = self.main:attributes()
  return attributes and attributes.QueueArn
end

function Letters:replay_all(options)
  local arn = self.attributes.QueueArn
  if self.dead.fifo then return nil, "in a FIFO queue each gets a fresh deduplication id", "Unsupported" end
  if not arn then return nil, "its ARN is not to be had", "Unsupported" end
  local count, message, code = move_task.run(self.dead, arn, {
    destination = self:destination(), rate = options.rate, tell = options.tell or function() end,
  })
  if count or (code ~= "Refused" and code ~= "Failed") then return count, message, code end
  return nil, message, "Unsupported"
end

-- deleting

function Letters:delete(letters)
  return self:finish(function()
    local count, failures = 0, {}
    for first = 1, #letters, BATCH do
      local batch = table.move(letters, first, math.min(first + BATCH - 1, #letters), 1, {})
      count = count + remove(self, batch, failures, "%s")
    end
    return count, failures
  end)
end

function Letters:purge()
  local count, message, code = self:count()
  if not count then return nil, message, code end
  local ok
  ok, message, code = self.dead:call("PurgeQueue", {})
  if not ok then return nil, message, code end
  return count
end

function Letters:close()
  if self.round then self.round:join() end
  if self.held then self.held:close() end
  self.held = nil
end

Letters.__close = Letters.close

return letters_of_sqs
