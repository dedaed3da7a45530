--- total: runs watchers on a queue while they and their calls fail, and checks the result: what was
-- sent, the journal of the tasks, the faults, and the final content of the queue. Small in the
-- specs (spec/total*_spec.lua), large in `make soak`. To be used in tasks.

local judge = require "support.judge"
local queues = require "support.total.queues"
local runners = require "support.total.runners"
local scheduler = require "watchbot.scheduler"
local trouble = require "support.total.trouble"
local workshop = require "support.workshop"

local total = {}

---@class watchbot.spec.TotalOptions
---@field queue "embedded"|"embedded FIFO"|"SQS"|"SQS FIFO"
---@field runner "process"|"handler"|"batch handler"|"resident"|"lambda"|"ECS"
---@field messages integer
---@field seed integer
---@field visibility integer? seconds, 2
---@field workers integer? of each of the two watchers, 8
---@field long string? the end of the bodies of tasks that outlive the visibility timeout, "9"
---@field max_receives integer? 12: more than kills and lost calls take
---@field hurts integer? how often a watcher is hurt, 0
---@field kinds string[]? what hurts them, one chosen at random; default: all that there is
---@field pause { [1]: number, [2]: number }? least and most seconds between two of them
---@field factor number? of the shares of calls that fail; none does without it
---@field slow boolean? calls that hang until the client gives them up, too
---@field steady boolean? the first watcher is never hurt
---@field fails integer? how many messages SQS fails an entry of, from the start
---@field depth integer? messages that are queued at a time, all of them
---@field look fun(run: table)? called twice a second

-- Seconds without a message that begins or is done, after which a run is given up.
local STANDSTILL = 90

local DEFAULTS = { visibility = 2, workers = 8, long = "9", max_receives = 12 }

local Run = {}
Run.__index = Run

local function new(folder, given)
  local options = setmetatable(given, { __index = DEFAULTS })
  local self = setmetatable({
    folder = folder, options = options, visibility = options.visibility, sent = {}, events = {},
    done = {}, finished = 0, begun = 0, logs = {}, wrong = {},
    read_to = 0, begins = {},
    place = queues.open(options.queue, folder, options),
  }, Run)
  if options.fails then self.place:fail_entries(options.fails) end
  runners.prepare(options.runner, folder, self.place, options)
  self.trouble = trouble.new({
    place = self.place, path = folder.path, visibility = self.visibility,
    start = function() return self:start() end,
    ended = function(watcher) self:ended(watcher) end,
  }, options)
  return self
end

function Run:start(option)
  local environment = { WATCHBOT_SPEC = self.folder.path }
  for name, value in pairs(self.place.environment) do environment[name] = value end
  return workshop.start(self.folder, { "run", option or "policy.lua", option and "policy.lua" },
    environment)
end

-- Keeps the log of a watcher, to explain a failure.
function Run:ended(watcher)
  self.logs[#self.logs + 1] = table.concat({ watcher:output() }, "\n")
  watcher:close()
end

-- Sends more messages, up to the depth. The poison messages are last, where no group waits for
-- them.
function Run:feed()
  local is_fifo, messages = queues.is_fifo(self.options.queue), {}
  local room = (self.options.depth or math.huge) - (#self.sent - self.finished)
  while #messages < room and #self.sent < self.options.messages do
    local index = #self.sent + 1
    local one = {
      body = index == self.options.messages and not is_fifo and "poison" or "m" .. index,
      group = is_fifo and "g" .. index // 10 or nil,
    }
    messages[#messages + 1] = one
    self.sent[index] = {
      message = one.body, group = one.group, dies = runners.dies(one.body),
    }
  end
  if #messages > 0 then self.place:send(messages) end
end

-- A message is received a limited number of times; a run beyond that is no progress.
function Run:begins_again(message)
  self.begun, self.begins[message] = self.begun + 1, (self.begins[message] or 0) + 1
  if self.begins[message] <= self.options.max_receives then self.moved = scheduler.now() end
end

-- Reads what the tasks have written since; a line that is not whole yet waits.
function Run:read()
  local file <close> = io.open(self.folder:file "journal", "rb")
  if not file then return end
  file:seek("set", self.read_to)
  local text = file:read "a":match "^.*\n" or ""
  self.read_to = self.read_to + #text
  for line in text:gmatch "[^\n]+" do
    self.events[#self.events + 1] = line
    local event = judge.event(line) or {}
    if event.kind == "begin" then self:begins_again(event.message) end
    local is_over = event.kind == "end"
      or event.kind == "fail" and runners.dies(event.message) and event.message ~= "poison"
    if is_over and not self.done[event.message] then
      self.done[event.message], self.finished, self.moved = true, self.finished + 1,
        scheduler.now()
    end
  end
end

-- Whether all has been sent and done; nothing is in the queue any more.
function Run:is_over()
  local undone = self.options.messages - self.finished
  return undone <= 1 and #self.sent == self.options.messages and self.place:counts() == 0
end

local function pause_of(options)
  local least, most = table.unpack(options.pause or { 0.2, 1 })
  return least + math.random() * (most - least)
end

-- Hurts watchers as often as asked, or until all is done.
function Run:torment()
  for _ = 1, self.options.hurts or 0 do
    scheduler.sleep(pause_of(self.options))
    if self.is_ending then break end
    self.trouble:hurt(self.watchers, self.options.steady and 2 or 1)
  end
end

-- A watcher that starts while AWS cannot be reached ends, and is started again, as by systemd. Any
-- other end that was not requested is a fault.
function Run:restart(index, exit)
  self:ended(self.watchers[index])
  if not self.trouble:is_unreachable() then
    self:report("stuck", ("a watcher has ended by itself (%s): %s"):format(exit.signal or exit.code,
      self.logs[#self.logs]:sub(-500)))
  end
  self.watchers[index] = self:start()
end

-- While it waits, the tormentor may have its turn: what that kills, it starts again itself.
function Run:restart_ended()
  for index, watcher in ipairs(self.watchers) do
    local exit = self.trouble.hurting ~= index and watcher:wait(0)
    local is_own = self.trouble.hurting ~= index and self.watchers[index] == watcher
    if exit and is_own then self:restart(index, exit) end
  end
end

function Run:drive()
  self.moved, self.watchers = scheduler.now(), { self:start(), self:start() }
  local tormentor = scheduler.spawn(self.torment, self)
  scheduler.spawn(self.trouble.watch_machine, self.trouble)
  while scheduler.now() - self.moved < STANDSTILL do
    self:feed()
    scheduler.sleep(self.options.look and 0.5 or 0.1)
    self:restart_ended()
    self:read()
    self.trouble:collect()
    if self.options.look then self.options.look(self) end
    self.is_over_in_time = self:is_over()
    if self.is_over_in_time then break end
  end
  self.is_ending = true
  local ok, err = tormentor:join(workshop.PATIENCE)
  if not ok then error("the last fault is not over: " .. tostring(err), 0) end
end

-- Ends the watchers; one more must find nothing to do, or do what came back.
function Run:finish()
  self:read()
  for _, watcher in ipairs(self.watchers) do watcher:kill "TERM" end
  for _, watcher in ipairs(self.watchers) do
    assert(watcher:wait(workshop.PATIENCE), "a watcher does not end: stuck")
  end
  if self.place.proxy then self.place.proxy:remove_rules() end
  local last = self:start "--drain"
  local exit = last:wait(STANDSTILL)
  if not exit then last:kill "KILL" end
  self.trouble:collect()
  self.trouble.over = true
  self:read()
  return exit and exit.code == 0
end

function Run:report(kind, why)
  table.insert(self.wrong, { kind = kind, message = "-", why = why })
end

-- What the watchers have logged explains what a loaded machine did to them.
local function read_logs(self)
  self.late = 0
  for _, log in ipairs(self.logs) do self.late = self.late + self.trouble:read_log(log) end
  for _, watcher in ipairs(self.watchers) do
    local log = table.concat({ watcher:output() }, "\n")
    self.late = self.late + self.trouble:read_log(log)
  end
end

local function verdict(self, is_drained)
  read_logs(self)
  local _, in_flight = self.place:counts()
  local queued, dead = self.place:left()
  table.move(judge.verdict {
    sent = self.sent, faults = self.trouble.faults, queued = queued, dead = dead,
    grace = runners.grace(self.options.runner, self.visibility), lease = self.visibility,
    events = judge.events(self.events),
  }, 1, #self.sent * 2, #self.wrong + 1, self.wrong)
  if not self.is_over_in_time then self:report("stuck", "nothing happens any more") end
  if not is_drained then self:report("stuck", "the queue does not become empty") end
  if in_flight > 0 then self:report("stuck", in_flight .. " in flight past their lease") end
  for _, pid in ipairs(workshop.processes_with("WATCHBOT_SPEC=" .. self.folder.path)) do
    self:report("stuck", "process " .. pid .. " is left")
  end
  return self.wrong
end

--- Runs watchers on a queue until all messages are done.
---@param options watchbot.spec.TotalOptions
---@return { kind: string, message: string, why: string }[] wrong
---@return table run
function total.run(folder, options)
  math.randomseed(options.seed)
  local self = new(folder, options)
  local ok, wrong = pcall(function()
    self:drive()
    return verdict(self, self:finish())
  end)
  for _, watcher in ipairs(self.watchers or {}) do self:ended(watcher) end
  self.place:close()
  if not ok then error(wrong, 0) end
  return wrong, self
end

--- A text for what is wrong.
function total.describe(wrong, options)
  local lines = { ("%s, %s, seed %d"):format(options.queue, options.runner, options.seed) }
  for index, one in ipairs(wrong) do
    if index > 20 then break end
    lines[#lines + 1] = ("%s: %s: %s"):format(one.kind, one.message, one.why)
  end
  return table.concat(lines, "\n")
end

--- The body of a small test: 100 messages; TOTAL_MESSAGES and TOTAL_SEED repeat another run.
---@param options table of watchbot.spec.TotalOptions
function total.check(options)
  local setting = { messages = 100, seed = os.time() }
  for name in pairs(setting) do
    setting[name] = math.tointeger(tonumber(os.getenv("TOTAL_" .. name:upper()) or setting[name]))
  end
  for name, value in pairs(options) do setting[name] = value end
  workshop.task(function(folder)
    local wrong = total.run(folder, setting)
    if #wrong > 0 then error(total.describe(wrong, setting), 0) end
  end)()
end

return total
