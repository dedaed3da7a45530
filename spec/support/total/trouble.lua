--- trouble: the faults of a total run's watchers and calls, at random from a seed, and their log:
-- each fault with its scope, for the judge. A failed call only affects the messages in it.

local cjson = require "cjson"
local scheduler = require "watchbot.scheduler"
local sqlite = require "watchbot.sqlite"
local workshop = require "support.workshop"

local trouble = {}

local Trouble = {}
Trouble.__index = Trouble

-- operation, kind, share of the calls, more; those of the first kind need a client's whole patience
local CALLS = {
  { "ReceiveMessage", "drop", 0.002, slow = true }, { "DeleteMessageBatch", "drop", 0.002,
    slow = true },
  { "ChangeMessageVisibilityBatch", "drop", 0.01, slow = true },
  { "ReceiveMessage", "applied-reset", 0.01 }, { "ReceiveMessage", "truncate", 0.01 },
  { "ReceiveMessage", "garbage", 0.005 }, { "ReceiveMessage", "empty", 0.005 },
  { "ReceiveMessage", "noise", 0.005 }, { "ReceiveMessage", "status", 0.01 },
  { "ReceiveMessage", "slow", 0.01 },
  { "ReceiveMessage", "status", 0.01, { status = 400, code = "ThrottlingException" } },
  { "DeleteMessageBatch", "reset", 0.02 }, { "DeleteMessageBatch", "applied-reset", 0.02 },
  { "DeleteMessageBatch", "status", 0.02, { status = 503, code = "ServiceUnavailable" } },
  { "DeleteMessageBatch", "delay-answer", 0.02 }, { "DeleteMessageBatch", "duplicate", 0.01 },
  { "DeleteMessageBatch", "empty", 0.01 }, { "SendMessage", "applied-reset", 0.05 },
  { "ChangeMessageVisibilityBatch", "reset", 0.05 },
  { "ChangeMessageVisibilityBatch", "applied-reset", 0.05 },
  { "ChangeMessageVisibilityBatch", "status", 0.05 },
  { "ChangeMessageVisibilityBatch", "delay", 0.02 },
  { "RunTask", "applied-reset", 0.02 }, { "RunTask", "status", 0.02 },
  { "DescribeTasks", "status", 0.03 }, { "DescribeTasks", "truncate", 0.02 },
  { "ListTasks", "status", 0.05, { status = 400, code = "ThrottlingException" } },
  { nil, "close", 0.03 },
}

-- These change nothing, so they explain nothing.
local HARMLESS = { close = true }
local LEASES = { ChangeMessageVisibility = true, ChangeMessageVisibilityBatch = true }

-- Seconds between two looks at how fast the machine is.
local LOOK = 0.1

local function now() return scheduler.time() / 1000 end

---@class watchbot.spec.Hurt whose watchers are hurt
---@field place watchbot.spec.Place
---@field path string of the folder of the run
---@field visibility integer
---@field start fun(): table starts a watcher
---@field ended fun(watcher: table) hears of one that has ended

---@param site watchbot.spec.Hurt
---@param options { seed: integer, factor: number?, slow: boolean? } factor: of the shares of calls;
--- no calls fail without it
function trouble.new(site, options)
  local self = setmetatable({ site = site, proxy = site.place.proxy, options = options, faults = {},
    bodies = {} }, Trouble)
  if self.proxy and options.factor then self:add_rules() end
  return self
end

function Trouble:add_rules()
  for index, call in ipairs(CALLS) do
    if self.options.slow or not call.slow then
      local rule = {
        operation = call[1], kind = call[2], probability = call[3] * self.options.factor,
        seed = self.options.seed + index, delay = 0.5,
      }
      for name, value in pairs(call[4] or {}) do rule[name] = value end
      self.proxy:add(rule)
    end
  end
end

--- Logs a fault.
function Trouble:note(kind, more)
  local fault = { at = now(), kind = kind }
  for name, value in pairs(more or {}) do fault[name] = value end
  table.insert(self.faults, fault)
end

local function decoded(text)
  local ok, value = pcall(cjson.decode, text)
  return ok and type(value) == "table" and value or {}
end

-- The bodies of the messages that a call was about.
local function bodies_in(self, call)
  local bodies, request = {}, decoded(call.request)
  for _, entry in ipairs(request.Entries or { request }) do
    bodies[#bodies + 1] = self.bodies[entry.ReceiptHandle]
  end
  for _, answer in ipairs(call.answers) do
    for _, message in ipairs(decoded(answer.body).Messages or {}) do
      bodies[#bodies + 1], self.bodies[message.ReceiptHandle] = message.Body, message.Body
    end
  end
  return bodies
end

--- Takes the calls that are over from the proxy, and notes those that failed.
function Trouble:collect()
  for _, call in ipairs(self.proxy and self.proxy:take() or {}) do
    local bodies = bodies_in(self, call)
    for _, body in ipairs(call.kind and not HARMLESS[call.kind] and bodies or {}) do
      table.insert(self.faults, {
        at = call.time, kind = call.operation .. " " .. call.kind, message = body,
        lease = LEASES[call.operation],
      })
    end
  end
end

local function replace(self, watchers, index)
  watchers[index]:wait(workshop.PATIENCE)
  self.site.ended(watchers[index])
  watchers[index] = self.site.start()
end

local HURTS = {}

function HURTS.KILL(self, watchers, index)
  local pid = tostring(watchers[index]:pid())
  self:note("KILL", { watcher = pid })
  watchers[index]:kill "KILL"
  replace(self, watchers, index)
end

-- Its tasks may finish for a second; those that do not are stopped.
function HURTS.TERM(self, watchers, index)
  local pid = tostring(watchers[index]:pid())
  self:note("TERM", { watcher = pid })
  watchers[index]:kill "TERM"
  replace(self, watchers, index)
  self:note("TERM is over", { watcher = pid })
end

-- It stands still for longer than the visibility timeout.
function HURTS.STOP(self, watchers, index)
  local pid = tostring(watchers[index]:pid())
  self:note("STOP", { watcher = pid })
  watchers[index]:kill "STOP"
  scheduler.sleep(self.site.visibility + 0.5)
  watchers[index]:kill "CONT"
  self:note("STOP", { watcher = pid })
end

-- The tasks of a watcher that runs.
local function tasks_of(self, pid)
  local tasks = {}
  for _, task in ipairs(workshop.processes_with("WATCHBOT_SPEC=" .. self.site.path)) do
    local file = io.open(("/proc/%s/cmdline"):format(task))
    local words = file and file:read "a" or ""
    if file then file:close() end
    if words:find "/worker%z" or words:find "/program.py%z" then
      local environment <close> = io.open(("/proc/%s/environ"):format(task))
      local variables = environment and environment:read "a" or ""
      if variables:find("Watcher=" .. pid .. "\0", 1, true) then tasks[#tasks + 1] = task end
    end
  end
  return tasks
end

-- One of its tasks is killed, as by a machine that is out of memory; of a program that stays all
-- messages fail.
function HURTS.task(self, watchers, index)
  local pid = tostring(watchers[index]:pid())
  local tasks = tasks_of(self, pid)
  if #tasks == 0 then return end
  self:note("a task is killed", { watcher = pid })
  os.execute(("kill -9 %s 2>/dev/null"):format(tasks[math.random(#tasks)]))
end

-- Another program writes to the file of the queue. That explains nothing: it is shorter than a
-- lease.
function HURTS.lock(self)
  local database <close> = assert(sqlite.open(self.site.place.path))
  assert(database:patiently(database.execute, "BEGIN IMMEDIATE"))
  scheduler.sleep(0.5)
  assert(database:execute "COMMIT")
end

-- Each call fails for a while.
function HURTS.outage(self)
  local kind = ({ "reset", "status", "drop" })[math.random(self.options.slow and 3 or 2)]
  self.proxy:remove_rules()
  self.outage_until = scheduler.now() + self.site.visibility * 2
  self.proxy:add { kind = kind, seconds = self.site.visibility * 2, status = 503,
    code = "ServiceUnavailable" }
  self:add_rules()
end

--- Whether AWS cannot be reached, or could not some seconds ago.
---@return boolean
function Trouble:is_unreachable()
  return scheduler.now() < (self.outage_until or -math.huge) + 5
end

-- SQS fails some entries of batches by its own fault. That explains nothing: they are to be tried
-- again.
function HURTS.entries(self)
  self.site.place:fail_entries(20)
  scheduler.sleep(0.5)
end

--- Does one of these to a watcher, chosen at random; returns when it is over.
---@param watchers table[] one that has ended is replaced
---@param first integer the first of those that may be hurt
function Trouble:hurt(watchers, first)
  local kinds = table.move(self.options.kinds or { "KILL", "TERM", "STOP", "task" }, 1, 4, 1, {})
  if self.options.factor and self.proxy and not self.options.kinds then
    kinds[#kinds + 1] = "outage"
    if not self.site.place.path then kinds[#kinds + 1] = "entries" end
  end
  if self.site.place.path and not self.options.kinds then kinds[#kinds + 1] = "lock" end
  local index = math.random(first, #watchers)
  self.hurting = index
  HURTS[kinds[math.random(#kinds)]](self, watchers, index)
  self.hurting = nil
end

-- Whether something has held the machine up since: queue and disk answer in milliseconds.
local function was_held_up(self, since)
  pcall(self.site.place.probe, self.site.place)
  return scheduler.now() - since > LOOK + self.site.visibility / 4
end

-- Seconds since the epoch of a time in a log.
local function seconds_of(text)
  local year, month, day, hour, minute, second = text:match "(%d+)-(%d+)-(%d+)T(%d+):(%d+):([%d.]+)"
  local here = os.time { year = year, month = month, day = day, hour = hour, min = minute,
    sec = math.floor(second) }
  return here + tonumber(second) % 1 + os.difftime(os.time(), os.time(os.date "!*t"))
end

--- Notes what a watcher says of itself: for how long nothing ran there, on a loaded machine, so
--- that its leases may have ended.
---@param log string
---@return integer count
function Trouble:read_log(log)
  local count = 0
  for line in log:gmatch '[^\n]*"event":"heartbeats are late[^\n]*' do
    local pid, at = line:match '"pid":(%d+)', seconds_of(line:match '"time":"([^"]+)"')
    local seconds = tonumber(line:match '"seconds":([%d.]+)')
    count = count + 1
    table.insert(self.faults, { at = at - seconds, kind = "STOP", watcher = pid })
    table.insert(self.faults, { at = at, kind = "STOP", watcher = pid })
  end
  return count
end

--- Notes when the machine was too slow for heartbeats, which may cost any watcher its leases: this
-- process stood still, or the queue or its disk, past all faults, took a quarter of the visibility
-- timeout. To be spawned.
function Trouble:watch_machine()
  while not self.over do
    local since = scheduler.now()
    scheduler.sleep(LOOK)
    if not self.over and was_held_up(self, since) then self:note "STOP" end
  end
end

return trouble
