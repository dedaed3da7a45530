--- status: the current state of a queue and its tasks. The figures are independent: one that is not
-- available (a permission is missing) is reported as such, and the others are still returned.

local urls = require "watchbot.lib.urls"

---@class watchbot.Status
---@field queue string its URL
---@field visible integer? waiting messages
---@field in_flight integer? messages being processed or in backoff
---@field delayed integer?
---@field oldest number? age of the oldest message, in seconds; nil if there is none
---@field dead integer? dead letters
---@field paused { ends: string? }? the queue is paused; ends: ISO 8601; nil: when it is resumed
---@field paused_groups { group: string, ends: string? }[]?
---@field sent number? messages a minute
---@field done number? messages a minute that left the queue
---@field watchers table[]? those of an embedded queue that are alive: { host, pid, version, policy,
--- started, seen, workers, running }; policy: the version of its policy
---@field tasks integer? running ECS tasks
---@field service { desired: integer, running: integer, pending: integer }? the containers of the
--- ECS service
---@field deployments table[]? of that service: { definition, version, state, desired, running,
--- pending }
---@field problems table<string, string> the error, by the name of a figure that is not available

---@class watchbot.StatusBuilder
---@field status watchbot.Status
local Builder = {}
Builder.__index = Builder

local status = {}

---@param queue string
---@return watchbot.StatusBuilder
function status.new(queue)
  return setmetatable({ status = { queue = urls.hide(queue), problems = {} } }, Builder)
end

--- Requests figures: `names` are those that are missing if the result is `nil, err`.
---@param names string[]
---@param found table<string, any>? by their names
---@param err string?
function Builder:add(names, found, err)
  for _, name in ipairs(names) do
    if found then
      self.status[name] = found[name]
    else
      self.status.problems[name] = err
    end
  end
end

return status
