--- status: how a queue and its tasks are, as of now. Each figure stands for itself: one that cannot
-- be had (a permission is missing) is told as such, and the others are there all the same.

local urls = require "watchbot.lib.urls"

---@class watchbot.Status
---@field queue string its URL
---@field visible integer? messages that wait
---@field in_flight integer? that are being worked on, or back off
---@field delayed integer?
---@field oldest number? age of the oldest message, in seconds; nil where there is none
---@field dead integer? dead letters
---@field sent number? messages a minute
---@field done number? messages a minute that left the queue
---@field tasks integer? ECS tasks that run
---@field service { desired: integer, running: integer, pending: integer }? the containers of the
--- ECS service
---@field problems table<string, string> by the name of what could not be had: why

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

--- Asks for figures: `names` are those that are missing when the answer is `nil, message`.
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
