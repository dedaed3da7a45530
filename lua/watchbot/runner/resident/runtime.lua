--- runner.resident.runtime: one resident program, and the invocation that it works on. A job is
-- only given to a program that has asked for one: so a program that is about to end, after its
-- response or after a crash, never gets one.

local core = require "watchbot.core"
local invocation = require "watchbot.runner.resident.invocation"
local program = require "watchbot.runner.resident.program"
local scheduler = require "watchbot.scheduler"

---@alias watchbot.RuntimeState
---| "starting" it has not asked yet
---| "idle" it has asked, and waits for an invocation
---| "busy" it works on one
---| "answered" it has responded, and has not asked again
---| "ending" it is being stopped
---| "ended"

---@class watchbot.Runtime
---@field pool watchbot.RuntimePool
---@field state watchbot.RuntimeState
---@field channel table see runner/resident/init.lua
---@field program watchbot.Program? nil if a shared one is used, or it runs elsewhere
---@field process watchbot.Process? of the program
---@field invocation watchbot.Invocation|false
---@field jobs integer messages that it has received
---@field born number
---@field words string? why it could not start, in its own words
local Runtime = {}
Runtime.__index = Runtime

local runtime = {}

-- the start

-- Opens the channel and starts the program; if one fails, the caller closes what was opened.
local function launch(self)
  local parts, err, code = self.pool.parts
  self.channel, err, code = parts.channel.open(self, parts.options, parts.user)
  if not self.channel then return nil, err, code end
  if not parts.options.command or parts.channel.shares_program then return true end
  local environment = parts.inherited()
  for name, value in pairs(self.channel:defaults(parts)) do environment[name] = value end
  for name, value in pairs(parts.policy.env) do environment[name] = value end
  self.program, err, code = program.start(parts, environment, self.channel:environment(parts), {
    records = true, channel = self.channel.descriptor, withheld = parts.channel.withheld,
  })
  if not self.program then return nil, err, code end
  self.process = self.program.child
  return true
end

--- Starts a program.
---@param pool watchbot.RuntimePool
---@return watchbot.Runtime?
---@return string? err
---@return string? code
function runtime.start(pool)
  local self = setmetatable({
    pool = pool, state = "starting", invocation = false, jobs = 0, born = scheduler.now(),
    answered_at = 0, generation = pool.generation,
  }, Runtime)
  local ok, err, code = launch(self)
  if not ok then
    self.state = "ended"
    if self.channel then self.channel:close() end
    return nil, err, code
  end
  if self.process then
    scheduler.spawn(self.follow, self)
    self.watch = scheduler.spawn(self.watch_start, self)
  end
  self.channel:started()
  return self
end

--- Waits for the program's end.
function Runtime:follow()
  self:ended(self.process:wait())
end

--- Stops a program that does not ask for its first invocation in time.
function Runtime:watch_start()
  local limit = self.pool.parts.options.init_timeout
  if limit == 0 then return end
  scheduler.sleep(limit)
  if self.state ~= "starting" then return end
  self.words = ("it did not ask for its first message within %g s"):format(limit)
  self:stop()
end

-- A program may end after each message: its watch must not outlive it by a minute.
local function end_watch(self)
  if self.watch then self.watch:cancel "the program has asked, or ended" end
  self.watch = nil
end

-- the end

--- Stops the program; its invocation ends with it.
---@param grace number? seconds; default: the policy's
function Runtime:stop(grace)
  if self.state == "ended" then return end
  self.failing = self.failing or self.state == "starting"
  self.state = "ending"
  if self.process then
    self.process:stop(grace or self.pool.parts.policy.kill_grace)
  else
    self:ended {}
  end
end

-- The exit code of a runtime decides nothing: 3 and 4 would delete and release.
local function exit_error(self, exit)
  return {
    error = "Runtime.ExitError", status = exit.signal or exit.code, oom = exit.oom,
    reason = ("the runtime ended with %s before it answered"):format(program.describe(exit)),
    logs = self.process and self.process:tail(),
  }
end

--- The program has ended.
---@param exit watchbot.process.Exit
function Runtime:ended(exit)
  if self.state == "ended" then return end
  local failing = self.failing or self.state == "starting"
  self.state = "ended"
  end_watch(self)
  if self.program then self.program:ended(exit) end
  if self.invocation and not self.invocation.over then
    local fields = exit_error(self, exit)
    for name, value in pairs(self.invocation.ending or {}) do fields[name] = value end
    self.invocation:end_all(fields)
  end
  if self.channel then self.channel:close() end
  local words = self.words or ("it ended with %s"):format(program.describe(exit))
  if self.process then self.process:close() end
  self.pool:ended(self, failing and words or nil, exit.reason)
end

--- A function of watchbot has raised an error while it served this program: its state is unknown.
---@param problem string
function Runtime:broken(problem)
  self.pool.parts.journal:error(nil, "error", problem, "where", "runtime")
  self:stop(0)
end

--- Whether it has not asked yet, so that it may say why it cannot start.
---@return boolean
function Runtime:is_starting()
  return self.state == "starting"
end

--- The program's own report of a failed start; it ends by itself.
---@param body string
---@param kind string?
function Runtime:init_failed(body, kind)
  local _, reason = invocation.error_of(body, kind)
  self.words, self.failing = reason, true
  self:stop()
end

-- requests and responses

--- It asks for an invocation.
---@param token any what the channel responds to it with
function Runtime:asked(token)
  if self.state == "ending" or self.state == "ended" then return end
  end_watch(self)
  if self.invocation and not self.invocation.over then
    self.invocation:end_all {
      code = 1, error = "Runtime.NoAnswer", logs = self:label(nil),
      reason = "the runtime asked for the next message without an answer to this one",
    }
  end
  self.token, self.invocation, self.state = token, false, "idle"
  self.pool:idle(self)
end

--- Sets the id of its output from now on; returns the newest output before.
---@param id string?
---@return string?
function Runtime:label(id)
  return self.process and self.process:label(id) or nil
end

--- Why a response is refused; nil if it is accepted.
---@param id string
---@param nonce string? which a newer client sends back
---@return integer? status
---@return string? kind
---@return string? message
function Runtime:refuses(id, nonce)
  local current = self.invocation
  if not current or current.id ~= id then return 400, "InvalidRequestID", "no such invocation" end
  if current.ending or (nonce and nonce ~= current.nonce) then
    return 410, "InvocationGone", "the invocation is over"
  end
  if current.over then return 403, "InvalidStateTransition", "it was answered already" end
end

local function answer(self)
  if self.state ~= "ending" then self.state = "answered" end
  self.jobs = self.jobs + #self.invocation.runs
  self.pool:answered(self)
end

--- It has responded. The messages are settled now instead of when it asks again, which may take
--- minutes.
---@param _ string the invocation's id, which `refuses` has checked
---@param body string
function Runtime:answered(_, body)
  local logs = self:label(nil)
  self.invocation:answered(body, self.pool.parts.report, logs)
  answer(self)
end

--- It has responded with an exit, for its only message.
---@param fields table of a watchbot.Exit
function Runtime:settled(fields)
  local logs = self:label(nil)
  if fields.code ~= 0 then fields.logs = fields.logs or logs end
  self.invocation:end_all(fields)
  answer(self)
end

--- It has responded for all of its messages, with an exit for each.
---@param fields_of fun(run: table): table
function Runtime:settled_each(fields_of)
  self.invocation:finish(fields_of)
  answer(self)
end

--- It has responded for one of its messages; the others continue.
---@param run table
---@param fields table of a watchbot.Exit
function Runtime:settled_one(run, fields)
  local current = self.invocation
  fields.duration, fields.request = scheduler.now() - current.began, current.id
  if fields.code ~= 0 then fields.logs = self:label(current.id) end
  run:finish(fields)
  for _, one in ipairs(current.runs) do
    if not one.exit then return end
  end
  current.over = true
  self:label(nil)
  answer(self)
end

--- It has sent something invalid: its messages fail, and it is replaced.
---@param reason string
function Runtime:misspoke(reason)
  if self.invocation and not self.invocation.over then
    self.invocation.ending = { code = 1, error = "Runtime.BadAnswer", reason = reason }
  else
    self.pool.parts.journal:error(nil, "error", reason, "where", "runtime")
  end
  self:stop()
end

--- It has closed its channel: it ends by itself, or is stopped.
function Runtime:ends()
  if self.state == "ending" or self.state == "ended" then return end
  scheduler.sleep(self.pool.parts.policy.kill_grace)
  self:stop()
end

--- It has responded with an error.
---@param _ string
---@param body string
---@param kind string?
function Runtime:failed(_, body, kind)
  self.invocation:failed(body, kind, self:label(nil))
  answer(self)
end

-- invocations

--- Gives it some jobs; it is idle.
---@param runs table[]
---@return boolean given false: its connection is closed, it has to ask again
function Runtime:give(runs)
  local current = invocation.new(core.aws.uuid(), runs, core.aws.uuid())
  local text, err, code = self.channel:prepare(current)
  if not text then
    current:end_all { not_started = true, error = code, reason = err }
    return true
  end
  if self.channel:gone(self.token) then
    self.state = "answered"
    return false
  end
  self.invocation, self.state = current, "busy"
  self:label(#runs == 1 and runs[1].job.id or current.id)
  for _, run in ipairs(runs) do run:handed(self, current) end
  self.channel:give(self.token, current, text)
  return true
end

--- Ends its invocation, and then the program.
---@param fields table of the exits
function Runtime:interrupt(fields, grace)
  local current = self.invocation
  if not current or current.over or current.ending then return end
  current.ending = fields
  self:stop(grace)
end

-- recycling

local function resident_bytes(pid)
  local file <close> = io.open(("/proc/%d/statm"):format(pid))
  local pages = file and file:read "l":match "^%d+ (%d+)"
  return pages and tonumber(pages) * 4096 or 0
end

--- Whether it should be replaced now.
---@return boolean
function Runtime:is_worn()
  local recycle = self.pool.parts.options.recycle
  if recycle.jobs and self.jobs >= recycle.jobs then return true end
  if recycle.age and scheduler.now() - self.born >= recycle.age then return true end
  return recycle.memory ~= nil and self.process ~= nil
    and resident_bytes(self.process:pid()) >= recycle.memory * 1024 * 1024
end

return runtime
