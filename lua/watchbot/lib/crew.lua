--- crew: tasks that do one piece of work after another.
-- A task is a coroutine with a stack: creating and collecting one costs more than most jobs do. A
-- task that has finished its work waits for more.

local own = require "watchbot.lib.own"
local scheduler = require "watchbot.scheduler"

-- The most idle tasks kept: more than one turn of the loop needs.
local MOST = 100

-- Seconds without a wait after which a task is not reused: a report about its longest turn must not
-- be attributed to later work.
local LONG_TURN = 0.05

---@class watchbot.Crew
local Crew = {}
Crew.__index = Crew

local crew = {}

---@param perform fun(item: any, how: any, task: watchbot.Task) does a piece of work, in that task;
--- may wait, must not raise an error
---@return watchbot.Crew
function crew.new(perform)
  return own({ perform = perform, resting = {}, count = 0, closed = false }, Crew)
end

-- Waits for work; false once no further work can come.
local function rest(self, worker)
  if self.closed or self.count >= MOST or worker.task:longest_turn() > LONG_TURN then
    return false
  end
  worker.item = nil
  self.count = self.count + 1
  self.resting[self.count] = worker
  worker.wake:clear()
  worker.wake:wait()
  return worker.item ~= nil
end

local function work(self, worker)
  repeat self.perform(worker.item, worker.how, worker.task) until not rest(self, worker)
end

--- Schedules a piece of work for the next turn of the loop.
---@param item any not nil
---@param how any passed to `perform`
function Crew:run(item, how)
  local count = self.count
  if count == 0 then
    local worker = { item = item, how = how, wake = scheduler.event(), task = false }
    worker.task = scheduler.spawn(work, self, worker)
    return
  end
  local worker = self.resting[count]
  self.resting[count], self.count = nil, count - 1
  worker.item, worker.how = item, how
  worker.wake:set()
end

--- Ends idle tasks; busy ones end with their work.
function Crew:close()
  self.closed = true
  for index = self.count, 1, -1 do
    local worker = self.resting[index]
    self.resting[index], self.count = nil, index - 1
    worker.wake:set()
  end
end

return crew
