--- runner.resident.service: the program of `serve`: one HTTP server for all requests. Started when
-- a message arrives, restarted when it has ended; ready when its port is open.

local http = require "watchbot.http"
local program = require "watchbot.runner.resident.program"
local scheduler = require "watchbot.scheduler"

-- Seconds between two checks whether the port is open.
local LOOK = 0.05

---@class watchbot.Service
---@field parts table see runner/resident/init.lua
---@field child watchbot.Process?
---@field ready boolean
---@field words string? why it could not be started
local Service = {}
Service.__index = Service

local service = {}

---@param parts table
---@return watchbot.Service
function service.new(parts)
  return setmetatable({ parts = parts, ready = false, changed = scheduler.event() }, Service)
end

local function follow(self, started)
  local exit = started.child:wait()
  started:ended(exit)
  if self.child ~= started.child then return end
  self.words = self.words or "the server has ended with " .. program.describe(exit)
  self.child:close()
  self.child, self.ready = nil, false
  self.changed:set()
end

-- Whether something listens at the URL: any HTTP response is enough.
local function answers(url)
  local response, _, code = http.request { url = url, method = "HEAD", timeout = 5, direct = true }
  return response ~= nil or not http.unsent[code]
end

local function watch_port(self, child)
  local options = self.parts.options
  local limit = options.init_timeout > 0 and options.init_timeout or math.huge
  local deadline = scheduler.now() + limit
  while self.child == child and not self.ready do
    if answers(options.url) then
      self.ready = true
    elseif scheduler.now() >= deadline then
      self.words = ("nothing listens at %s after %g s"):format(options.url, options.init_timeout)
      child:stop(self.parts.policy.kill_grace)
      return
    else
      scheduler.sleep(LOOK)
    end
  end
  self.changed:set()
end

local function start(self)
  local started, err, code =
    program.start(self.parts, self.parts.inherited(), self.parts.policy.env, {})
  if not started then return nil, err, code end
  self.child, self.words = started.child, nil
  scheduler.spawn(follow, self, started)
  scheduler.spawn(watch_port, self, started.child)
  return true
end

--- Waits until the server listens; starts it if needed.
---@return true? ok
---@return string? err
---@return string? code
function Service:wait_ready()
  if not self.parts.options.command then return true end
  if not self.child then
    local ok, err, code = start(self)
    if not ok then return nil, err, code end
  end
  while self.child and not self.ready do
    self.changed:clear()
    self.changed:wait()
  end
  if self.ready then return true end
  return nil, "the server could not be started: " .. (self.words or "it has ended"), "InitError"
end

--- A connection to the server was refused: it has ended, or is about to.
function Service:lost()
  if not self.child or not self.ready then return end
  self.ready = false
  scheduler.spawn(watch_port, self, self.child)
end

--- Ends the server. Waits in a task.
---@param grace number seconds
function Service:close(grace)
  local child = self.child
  if not child then return end
  child:stop(grace)
  while self.child == child do
    self.changed:clear()
    self.changed:wait()
  end
end

return service
