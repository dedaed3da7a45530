--- queue.sqs.batcher: collects the entries of many tasks into calls of a batch operation. A batch
-- waits until it is full or `linger` seconds have passed; each waiting task gets the result of the
-- entry that it added. While one batch is being sent, another one fills.

local scheduler = require "watchbot.scheduler"

---@class watchbot.queue.Batcher
local Batcher = {}
Batcher.__index = Batcher

local batcher = {}

---@param call fun(entries: table[]): table?, string?, string? true or { err, code } for each
---@param size integer entries a call
---@param linger number seconds that a batch waits to become full
---@return watchbot.queue.Batcher
function batcher.new(call, size, linger)
  return setmetatable({ call = call, size = size, linger = linger, filling = nil }, Batcher)
end

function Batcher:flush(batch)
  if self.filling == batch then self.filling = nil end
  local ok, answers, err, code = pcall(self.call, batch.entries)
  if not ok then answers, err, code = nil, tostring(answers), "InternalError" end
  batch.answers, batch.failure = answers, { message = err, code = code }
  batch.done:set()
end

function Batcher:open()
  local batch = { entries = {}, done = scheduler.event(), full = scheduler.event() }
  self.filling = batch
  scheduler.spawn(function()
    if self.linger > 0 then batch.full:wait(self.linger) end
    self:flush(batch)
  end)
  return batch
end

--- Adds an entry to the filling batch and waits for its result.
---@param entry table
---@return true? ok
---@return string? err
---@return string? code
function Batcher:submit(entry)
  local batch = self.filling or self:open()
  local index = #batch.entries + 1
  batch.entries[index] = entry
  if index == self.size then
    self.filling = nil
    batch.full:set()
  end
  batch.done:wait()
  local answer = batch.answers and batch.answers[index] or batch.failure
  if answer == true then return true end
  return nil, answer.message or "no answer for this message", answer.code or "NoAnswer"
end

return batcher
