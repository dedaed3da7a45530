--- otlp.batches: spans that wait to be exported, and the task that exports them. Their number is
-- limited: if the collector is slower than the jobs, or down, the newest spans are dropped and
-- counted.

local own = require "watchbot.lib.own"
local scheduler = require "watchbot.scheduler"

---@class watchbot.SpanBatches
---@field waiting string[] spans as JSON
local Batches = {}
Batches.__index = Batches

local batches = {}

---@param sender watchbot.OtlpSender
---@param options { before: string, behind: string, size: integer, most: integer, delay: number }
--- what stands around the spans of a request; spans of one, and that may wait; seconds
---@return watchbot.SpanBatches
function batches.new(sender, options)
  return own({
    sender = sender, options = options, waiting = {}, first = 1, last = 0,
    full = scheduler.event(), ending = scheduler.event(),
  }, Batches)
end

--- Whether there is room for one more span; where there is none, it is counted as dropped.
---@return boolean
function Batches:has_room()
  if self.last - self.first + 1 < self.options.most then return true end
  self.sender:drop(1)
  return false
end

--- Adds a span, for which there must be room. Does not wait.
---@param span string JSON
function Batches:add(span)
  self.last = self.last + 1
  self.waiting[self.last] = span
  if self.last - self.first + 1 >= self.options.size then self.full:set() end
end

--- Whether nothing waits.
---@return boolean
function Batches:is_empty()
  return self.last < self.first
end

-- The oldest spans as one request.
function Batches:next()
  local last = math.min(self.last, self.first + self.options.size - 1)
  local body = self.options.before .. table.concat(self.waiting, ",", self.first, last)
    .. self.options.behind
  return body, last - self.first + 1
end

function Batches:remove(count)
  for index = self.first, self.first + count - 1 do self.waiting[index] = nil end
  self.first = self.first + count
end

-- Sends what waits, the oldest first, until a request has failed.
function Batches:export()
  while not self:is_empty() do
    local body, count = self:next()
    local done, pause = self.sender:send(body, count)
    if not done then return pause end
    self:remove(count)
  end
end

--- Exports until `close`: when a batch is full, or after the delay. Waits in a task.
function Batches:run()
  while not self.ending:is_set() do
    self.full:wait(self.options.delay)
    self.full:clear()
    local pause = self:export()
    if pause then self.ending:wait(pause) end
    self.sender:say()
  end
end

--- Exports what waits, as far as the seconds last; what is left is dropped and reported.
---@param task watchbot.Supervised|watchbot.Task the one that runs `run`
---@param seconds number
function Batches:close(task, seconds)
  local until_time = scheduler.now() + seconds
  self.ending:set()
  self.full:set()
  if not task:join(seconds) then task:cancel "the watcher ends" end
  local left = until_time - scheduler.now()
  if left > 0 and not self:is_empty() then
    pcall(scheduler.limit, left, "the watcher ends", self.export, self)
  end
  local count = self.last - self.first + 1
  if count > 0 then
    self.sender:lose(self.sender.reason or "spans are not exported: no time was left at the end",
      self.sender.reason_code or "Timeout", count)
  end
  self.sender:say(true)
end

return batches
