--- queue.sqlite: the embedded queue, `sqlite:FILE`.
-- The queue interface on a file that several watchers may share; queue.sqlite.store changes
-- messages. A send is on disk when it returns (synchronous=FULL); receives and settles share NORMAL
-- transactions: a power failure undoes some of them, so they happen again, and no message is lost.

local scheduler = require "watchbot.scheduler"
local committer = require "watchbot.queue.sqlite.committer"
local delayed = require "watchbot.queue.sqlite.delayed"
local letters = require "watchbot.queue.sqlite.letters"
local once = require "watchbot.queue.sqlite.once"
local own = require "watchbot.lib.own"
local pauses = require "watchbot.queue.sqlite.pauses"
local receiving = require "watchbot.queue.sqlite.receiving"
local schema = require "watchbot.queue.sqlite.schema"
local sending = require "watchbot.queue.sqlite.sending"
local store = require "watchbot.queue.sqlite.store"
local ticks = require "watchbot.queue.sqlite.ticks"
local trust = require "watchbot.queue.sqlite.trust"

-- The values of SQS.
local MAX_RECEIVES, VISIBILITY = 10, 30

---@class watchbot.SqliteQueue
---@field name string the URL
---@field warning string? what the user should know about this file
local Queue = {
  batch = 100,
  polls = 1,
  embedded = true,
  limits_itself = true, -- by `lanes_of`, over all watchers of the file
  fifo = false, -- the file keeps groups in order, however many messages a receive asks for
  gather = 0,
  cut = 0,
}
Queue.__index = Queue
letters.extend(Queue)

receiving.extend(Queue)

local module = {}

-- Read-only: counts and traffic; not even the file's folder need be writable.
local function look(url, path, options, prefix)
  local reader, err, code = schema.look(path, { patience = options.patience, prefix = prefix })
  if not reader then return nil, err, code end
  local nobody = setmetatable({}, {
    __index = function() error("this queue was opened to be looked at", 2) end,
  })
  return setmetatable({
    name = url, reader = reader, read_only = true, sending = nobody, settling = nobody, expired = 0,
    arrived = scheduler.event(),
  }, Queue)
end

--- Opens the queue in a file. Waits in a task.
---@param url string
---@param path string
---@param options watchbot.QueueOptions
---@param prefix string? of the queue's tables in another program's database
---@return watchbot.SqliteQueue?
---@return string? err
---@return string? code
function module.open(url, path, options, prefix)
  if options.read_only then return look(url, path, options, prefix) end
  local function connect(synchronous)
    return schema.open(path, { create = options.create ~= false, patience = options.patience,
      synchronous = synchronous, prefix = prefix })
  end
  local full, err, code = connect "FULL"
  if not full then return nil, err, code end
  local normal
  normal, err, code = connect "NORMAL"
  if not normal then
    full:close()
    return nil, err, code
  end
  local arrived = scheduler.event()
  local function changed() arrived:set() end
  return own({
    name = url, warning = trust.warning(path), reader = normal, arrived = arrived,
    clock = scheduler.time(), sending = committer.new(full, changed),
    settling = committer.new(normal, changed, options.linger),
    max_receives = options.max_receives or MAX_RECEIVES, retention = options.retention,
    visibility = options.visibility or VISIBILITY, on_expired = options.on_expired,
    expired = 0, expired_told = -math.huge, has_pauses = false, follows = false,
  }, Queue)
end

-- Errors of the caller are raised here: within the transaction they would fail the work of others.
local function demand(ok, problem)
  if not ok then error(problem, 0) end
end

-- settling

-- A result of the store: true, or { err, code }.
local function told(answer, err, code)
  if answer == true then return true end
  if not answer then return nil, err, code end
  return nil, answer.message, answer.code
end

local function demand_receipt(operation, receipt)
  demand(type(receipt) == "string", operation .. ": the receipt must be a string")
end

--- Deletes a message. Waits in a task; the calls of several tasks share a transaction.
---@param receipt string
---@param record watchbot.Attempt? for the history
---@param claim watchbot.Claim? of its key, to be settled in the same transaction; so below
---@return true? ok
---@return string? err
---@return string? code "ReceiptHandleIsInvalid": received again since; "MessageNotInflight": no
--- longer there
function Queue:delete(receipt, record, claim)
  if type(receipt) ~= "string" then demand_receipt("delete", receipt) end
  if self.follows then self:take_along() end
  local work = claim and once.with(store.delete, claim) or store.delete
  local answer, err, code = self.settling:submit(work, false, receipt, record)
  if answer == true then return true end
  return told(answer, err, code)
end

--- Sets when a message becomes visible again. Waits in a task.
---@param receipt string
---@param seconds number
---@param uncount boolean? the receive does not count
---@param record watchbot.Attempt? for the history
---@return true? ok
---@return string? err
---@return string? code the same as those of `delete`
function Queue:delay(receipt, seconds, uncount, record, claim)
  demand_receipt("delay", receipt)
  demand(type(seconds) == "number", "delay: the seconds must be a number")
  if self.follows then self:take_along() end
  local entry = { receipt = receipt, seconds = seconds, uncount = uncount }
  local work = claim and once.with(store.delay, claim) or store.delay
  return told(self.settling:submit(work, false, entry, record))
end

--- Extends the visibility timeout of a message in flight. Waits in a task.
---@param receipt string
---@param seconds number
---@return true? ok
---@return string? err
---@return string? code the same as those of `delete`
function Queue:extend(receipt, seconds)
  demand_receipt("extend", receipt)
  demand(type(seconds) == "number", "extend: the seconds must be a number")
  local entry = { receipt = receipt, seconds = seconds, extends = true }
  return told(self.settling:submit(store.delay, false, entry))
end

--- Moves a message to the dead-letter table at once. Waits in a task.
---@param receipt string
---@param _ table the message, which is in the file
---@param reason string? the reason to store with it
---@param record watchbot.Attempt? for the history
---@return true? ok
---@return string? err
---@return string? code the same as those of `delete`
function Queue:bury(receipt, _, reason, record, claim)
  demand_receipt("bury", receipt)
  demand(reason == nil or type(reason) == "string", "bury: the reason must be a string")
  if self.follows then self:take_along() end
  local entry = { receipt = receipt, reason = reason }
  local work = claim and once.with(store.bury, claim) or store.bury
  return told(self.settling:submit(work, false, entry, record))
end

--- Claims the key of a message in flight, so that no other message with it runs. Waits in a task.
---@param claim watchbot.Claim
---@return "claimed"|"done"|"busy"|"waits"|"lost"|nil state see queue.sqlite.once
---@return any detail or the error
---@return string? code
function Queue:claim(claim)
  return self.settling:submit(once.claim, true, claim)
end

--- Settles a claim whose message was not settled here. Waits in a task.
---@param claim watchbot.Claim
---@return true? ok
---@return string? err
---@return string? code
function Queue:release(claim)
  return self.settling:submit(once.settle, false, claim)
end

-- history

--- Keeps what is passed to `delete`, `delay` and `bury` of attempts, for so long.
---@param keep { seconds: number, rows: integer }? nil: no longer
---@param lost fun(count: integer, err: string, code: string)? called where it could not be written
function Queue:keep_history(keep, lost)
  self.settling.keep, self.settling.lost = keep or false, lost or false
end

-- pausing

--- Messages that wait for the end of their delay, in pages. Waits in a task.
---@param after integer the number that the last receipt of the page before begins with, 0
---@param limit integer
---@return table[]? messages with `delay`, seconds
---@return string? err
---@return string? code
function Queue:delayed(after, limit)
  return self.reader:patiently(delayed.page, scheduler.time(), after, limit)
end

--- Sends the messages of the ticks of a schedule that are due; they are on disk when this returns.
--- Waits in a task.
---@param schedule watchbot.Schedule
---@return watchbot.Ticked? ticked
---@return string? err
---@return string? code
function Queue:tick(schedule)
  return self.sending:submit(ticks.send, true, schedule)
end

--- The last tick of each schedule that was sent or skipped here. Waits in a task.
---@return { name: string, rule: string, last: integer }[]?
---@return string? err
---@return string? code
function Queue:ticks()
  return self.reader:patiently(ticks.list)
end

--- Pauses the queue, or a group of it: nothing of it is received any more by any watcher; messages
--- in flight are not affected. Waits in a task.
---@param seconds number? nil: until it is resumed
---@param group string?
---@return true? ok
---@return string? err
---@return string? code
function Queue:pause(seconds, group)
  return self.sending:submit(pauses.pause, true, { seconds = seconds, group = group })
end

--- Ends a pause. Waits in a task.
---@param group string?
---@return boolean? changed false: it was not paused
---@return string? err
---@return string? code
function Queue:resume(group)
  return self.sending:submit(pauses.resume, true, { group = group })
end

--- The pauses that are not over: without a group, that of the whole queue. Waits in a task.
---@return { group: string?, ends: integer? }[]? ends: milliseconds since the epoch; nil: when it is
--- resumed
---@return string? err
---@return string? code
function Queue:pauses()
  return self.reader:patiently(pauses.list, scheduler.time())
end

--- Whether all that is left waits for the end of a pause that has none. Waits in a task.
---@return boolean? stuck
---@return string? err
---@return string? code
function Queue:is_stuck()
  local row, err, code = self.reader:patiently(pauses.stuck)
  if not row then return nil, err, code end
  return row.stuck == 1
end

-- sending

---@class watchbot.Outgoing
---@field body string any bytes, up to 1 MiB with the attributes
---@field subject string?
---@field delay number? seconds
---@field priority integer? -100 to 100; embedded queues only
---@field attributes table<string, { type: string, value: string }>?
---@field group string? messages of a group are processed one at a time, in order
---@field deduplication string? a second message with this id within 5 minutes is not added
---@field trace string? the trace header of AWS X-Ray, which only SQS keeps with a message

--- Adds messages in one commit, which is on disk when this returns. Waits in a task; if the task is
--- cancelled meanwhile, they may have been added.
---@param messages watchbot.Outgoing[]
---@param heard fun(position: integer, answer: table)? called with each result
---@return ({ id: string }|{ message: string, code: string })[]? answers one for each;
--- "MessageTooLong"
---@return string? err
---@return string? code
function Queue:send(messages, heard)
  for _, message in ipairs(messages) do sending.check(message) end
  local answers, err, code = self.sending:submit(letters.each(messages, sending.send), true)
  for position, answer in ipairs(heard and answers or {}) do heard(position, answer) end
  return answers, err, code
end

--- Whether a watcher may do everything that it needs: opening the file has shown that.
---@return true ok
function Queue:check() -- luacheck: ignore 212
  return true
end

-- looking

--- The number of messages: those that wait in their group count as visible, those in backoff as in
--- flight. Waits in a task.
---@return { visible: integer, delayed: integer, in_flight: integer, dead: integer }?
---@return string? err
---@return string? code
function Queue:counts()
  return self.reader:patiently(store.counts)
end

--- How many messages were ever sent, how many are in the queue, and when the oldest of them was
--- sent. Waits in a task.
---@return { sent: integer, there: integer, oldest: integer? }?
---@return string? err
---@return string? code
function Queue:traffic()
  return self.reader:patiently(store.traffic)
end

--- Closes the queue; may be called twice. Waiting callers get the code "Closed".
function Queue:close()
  if self.read_only then return self.reader:close() end
  if not self.closed then self:tell_expired_now() end
  self.closed = true
  self.settling:close()
  self.sending:close()
  self.arrived:set()
end

Queue.__close = Queue.close

return module
