--- queue.sqlite.committer: combines the work of many tasks on one connection into few transactions.
-- Work submitted during one turn of the loop, or while another process has the lock, shares a
-- transaction. Work that is not urgent waits a little for more: deletes wait for the next receive.
-- One task does everything; it exists only while there is work. Attempts that have ended are noted
-- in the same transaction (queue.sqlite.history): where that fails, the work is done without them.

local clock = require "watchbot.queue.sqlite.clock"
local own = require "watchbot.lib.own"
local scheduler = require "watchbot.scheduler"
local store = require "watchbot.queue.sqlite.store"

-- Seconds that work that is not urgent waits for other work, by default.
local LINGER = 0.002

-- Loaded on demand: most queues have none.
local function history() return require "watchbot.queue.sqlite.history" end

local CLOSED = { message = "the queue is closed", code = "Closed" }

---@class watchbot.Committer
---@field keep { seconds: number, rows: integer }? what is kept of attempts; nil: nothing
---@field lost fun(count: integer, err: string, code: string)? attempts that could not be noted
local Committer = {}
Committer.__index = Committer

local committer = {}

---@class watchbot.Committed
---@field work fun(transaction: watchbot.Transaction, now: integer, item: any): ...
---@field item any the argument of the work
---@field done watchbot.Event set once all entries of a transaction are answered; they share it
---@field answered boolean whether there are `results` or there is a `failure`
---@field results table|false of `work`
---@field failure { message: string, code: string }?
---@field dropped boolean? its caller is gone: it is skipped unless it has started
---@field record watchbot.Attempt? to note if the work succeeds
---@field optional boolean? where the transaction fails, it is done again without this

---@param database watchbot.Database the committer's own
---@param committed fun() called after each commit
---@param linger number? seconds that work which is not urgent waits for other work
---@return watchbot.Committer
function committer.new(database, committed, linger)
  return own({
    database = database, committed = committed, pending = {}, urgent = scheduler.event(),
    done = scheduler.event(), closed = false, keep = false, lost = false, bare = false,
    task = false, linger = linger or LINGER,
  }, Committer)
end

--- Adds work to the next transaction; does not wait.
---@param work fun(transaction: watchbot.Transaction, now: integer, item: any): ... must not wait
---@param urgent boolean whether to do it at once
---@param item any
---@param record watchbot.Attempt? what to note with it
---@return watchbot.Committed
function Committer:add(work, urgent, item, record)
  local entry = {
    work = work, item = item, done = self.done, answered = self.closed, results = false,
    record = record,
  }
  if self.closed then
    entry.failure = CLOSED
    return entry
  end
  self.pending[#self.pending + 1] = entry
  if urgent then self.urgent:set() end
  self.task = self.task or scheduler.spawn(self.run, self)
  return entry
end

-- The results of a delete that was done with others.
local DONE = { true, n = 1 }

--- Waits until the work is committed.
---@param entry watchbot.Committed
---@return any ... its results, or `nil, err, code`
function committer.wait(entry)
  if not entry.answered then entry.done:wait() end
  -- One that is not answered was left behind by `close`.
  local failure, results = not entry.answered and CLOSED or entry.failure, entry.results
  if failure then return nil, failure.message, failure.code end
  if results == DONE then return true end
  return table.unpack(results, 1, results.n)
end

--- Does work in a transaction that others may share, and waits until it is committed.
---@return any ... its results, or `nil, err, code`
function Committer:submit(work, urgent, item, record)
  return committer.wait(self:add(work, urgent, item, record))
end

local function answer(entries, failure)
  for _, entry in ipairs(entries) do
    entry.failure, entry.answered = failure, true
  end
end

function Committer:take()
  local entries = self.pending
  self.pending, self.taken_done, self.done = {}, self.done, scheduler.event()
  self.urgent:clear()
  return entries
end

-- Those whose work was taken have their answers.
function Committer:wake()
  local done = self.taken_done
  self.taken_done = nil
  if done then done:set() end
end

-- The most deletes that one statement does.
local TOGETHER = 16

-- The last of the deletes from `first` on that fit into one statement.
local function last_together(entries, first)
  local last = first
  for index = first, math.min(first + TOGETHER - 1, #entries) do
    local entry = entries[index]
    if entry.work ~= store.delete or entry.dropped then break end
    last = index
  end
  return last
end

-- Does all work in order.
local function perform_all(transaction, now, entries)
  local index = 1
  while index <= #entries do
    local entry, last = entries[index], last_together(entries, index)
    if last > index then
      store.delete_together(transaction, entries, index, last)
      for done = index, last do entries[done].results = DONE end
    elseif not entry.dropped then
      entry.results = table.pack(entry.work(transaction, now, entry.item))
    end
    index = last + 1
  end
end

-- Notes the attempts whose messages were settled, and those that receives came upon.
local function note(transaction, now, entries, keep)
  local attempts = transaction.lapsed
  for _, entry in ipairs(entries) do
    local record, results = entry.record, entry.results
    if record and results and results[1] == true then
      attempts = attempts or {}
      attempts[#attempts + 1] = record
    end
  end
  if attempts then history().add(transaction, now, attempts, keep) end
end

-- The body of a transaction: these entries, or everything that is pending when the transaction
-- starts.
function Committer:perform(transaction, entries)
  self.taken = entries or self:take()
  -- Writes to a file that was moved or deleted are lost, and its WAL could be applied to the file
  -- that replaced it.
  local moved, err, code = self.database:has_moved()
  if moved then return nil, err, code end
  local now = clock.now(transaction)
  transaction.lapsed = nil
  perform_all(transaction, now, self.taken)
  if self.keep and not self.bare then note(transaction, now, self.taken, self.keep) end
  return true
end

local function performed(transaction, self, entries)
  return self:perform(transaction, entries)
end

-- An entry that raises an error must not fail those that shared its transaction: each is tried in
-- its own.
function Committer:one_by_one(entries)
  for _, entry in ipairs(entries) do self:commit { entry } end
end

-- Takes off what the messages do not need. => how much there was
local function strip(entries, err, code)
  local count = 0
  for _, entry in ipairs(entries) do
    if entry.record or entry.optional then count = count + 1 end
    entry.record = nil
    if entry.optional then
      entry.dropped, entry.results = true, table.pack(nil, err, code)
    end
  end
  return count
end

-- How many attempts the receives of the transaction came upon.
function Committer:lapsed()
  return self.keep and #(self.database.transaction_face.lapsed or {}) or 0
end

-- What is noted of a job must not keep its message from being settled.
function Committer:lighter(taken, err, code)
  if code == "SQLITE_BUSY" then return nil, err, code end
  local count = strip(taken, err, code) + self:lapsed()
  if count == 0 then return nil, err, code end
  self.database.keep = nil
  self.bare = true
  local ok, problem, problem_code = self.database:transaction(performed, self, taken)
  self.bare = false
  if ok and self.lost then self.lost(count, err, code) end
  return ok, problem, problem_code
end

function Committer:commit(entries)
  self.taken = nil
  local ok, err, code = self.database:transaction(performed, self, entries)
  if self.closed then return end
  local taken = self.taken or entries or self:take()
  if not ok then ok, err, code = self:lighter(taken, err, code) end
  if self.closed then return end
  if not ok and code == "InternalError" and #taken > 1 then return self:one_by_one(taken) end
  answer(taken, not ok and { message = err, code = code } or nil)
  if ok then self.committed() end
end

-- Whatever error is raised, waiting callers get a result, and the next transaction starts.
function Committer:commit_safely()
  local ok, err = xpcall(self.commit, debug.traceback, self)
  if not ok then answer(self.taken or self:take(), { message = err, code = "InternalError" }) end
  self:wake()
end

function Committer:run()
  while #self.pending > 0 do
    if not self.urgent:is_set() then self.urgent:wait(self.linger) end
    if self.closed then break end
    self:commit_safely()
  end
  self.task = false
end

--- Closes the connection; unfinished work gets the error `CLOSED`.
function Committer:close()
  if self.closed then return end
  self.closed = true
  local running = self.taken_done
  answer(self:take(), CLOSED)
  self:wake()
  self.taken_done = running
  self.urgent:set()
  self.database:close()
end

return committer
