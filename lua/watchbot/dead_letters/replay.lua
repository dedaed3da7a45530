--- dead_letters.replay: returns dead letters of SQS one by one: sends them, then deletes those that
-- SQS has confirmed. After an interruption a message may exist twice, but is never lost. In FIFO
-- queues the messages of a group are sent in order, and none after one that failed.

local limits = require "watchbot.lib.limits"
local redrive = require "watchbot.queue.sqs.redrive"
local resend = require "watchbot.message.resend"

local BATCH = limits.sqs.batch

local Replay = {}
Replay.__index = Replay

function Replay:fail(letter, err, code)
  table.insert(self.failures, { letter = letter, message = err, code = code })
end

-- The queue named in a buried letter. Everyone who may send to the dead-letter queue can set it, so
-- it must be one of its source queues.
function Replay:named(letter)
  for _, url in ipairs(letter.home and self.letters.sources or {}) do
    if url == letter.home then return url end
  end
end

--- The queue that a letter came from: the one that SQS names, otherwise the only source.
function Replay:home(letter)
  local letters = self.letters
  local url = letter.source and redrive.url(letter.source, letters.dead.name) or self:named(letter)
  if not url or (letters.main and url == letters.main.name) then return letters.main end
  self.queues[url] = self.queues[url] or letters.dead:sibling(url)
  return self.queues[url]
end

-- => { { queue, letters } ... }, in the order of the first letter of each
function Replay:by_home(letters)
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
      self:fail(letter,
        "its source queue is not known: name it with --queue, and this one with "
        .. "--dead-letter-queue", "NoSource")
    end
  end
  return all
end

-- The letters that may go in one batch: ten, in a FIFO queue of different groups; and the rest.
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

-- => the letters that SQS has confirmed
function Replay:send(queue, round)
  local outgoing, sent = {}, {}
  for index, letter in ipairs(round) do outgoing[index] = resend(letter) end
  local answers, err, code = queue:send(outgoing)
  if not answers then self.stop = { message = err, code = code } end
  for index, letter in ipairs(round) do
    local answer = answers and answers[index] or self.stop
    if answer.id then
      sent[#sent + 1] = letter
      self.letters.held:know(answer.id)
    else
      self:fail(letter, answer.message, answer.code)
    end
  end
  return sent
end

-- After a failure, later messages of the group have to wait.
function Replay:without_failed_groups(waiting)
  local failed, kept = {}, {}
  for _, failure in ipairs(self.failures) do failed[failure.letter.group or ""] = failure.code end
  for _, letter in ipairs(waiting) do
    local code = failed[letter.group or ""]
    if code then
      self:fail(letter, "one before it in its group failed", code)
    else
      kept[#kept + 1] = letter
    end
  end
  return kept
end

function Replay:to(queue, waiting)
  while #waiting > 0 and not self.stop do
    local round, rest = next_round(waiting, queue.fifo)
    local sent = self:send(queue, round)
    local count, stop = self.letters.held:settle(sent, self.failures,
      "it was sent, but is still in the dead-letter queue: %s")
    self.count, self.stop = self.count + count, self.stop or stop
    waiting = queue.fifo and self:without_failed_groups(rest) or rest
  end
  for _, letter in ipairs(waiting) do self:fail(letter, self.stop.message, self.stop.code) end
end

--- Returns letters to the queues that they came from. Waits in a task.
---@param letters table from watchbot.dead_letters.sqs
---@param chosen watchbot.DeadLetter[] letters of its pages
---@return integer count
---@return watchbot.DeadLetterFailure[] failures
---@return { message: string, code: string }? stop
return function(letters, chosen)
  local self = setmetatable({ letters = letters, queues = {}, failures = {}, count = 0 }, Replay)
  for _, one in ipairs(self:by_home(chosen)) do self:to(one.queue, one.letters) end
  return self.count, self.failures, self.stop
end
