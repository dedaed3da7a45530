--- scheduler: tasks that run at the same time, and wait for each other and for time.
-- Sits on watchbot.core.scheduler (src/lscheduler.c). A task is a Lua function that may wait; while
-- it waits, others run. Durations are seconds. Waiting works inside pcall, iterators, metamethods
-- and `__close`; not inside table.sort, string.gsub or require, nor inside a coroutine of your own:
-- there it raises an error that says so.

local core = require "watchbot.core".scheduler

---@class watchbot.Task
---@field join fun(self: watchbot.Task, seconds?: number): boolean?, ... waits for the end of the
--- task: `true` and what it returned, `false` and its error (text gets a traceback), or `nil,
--- message, "Timeout"`
---@field cancel fun(self: watchbot.Task, reason?: any): boolean raises `reason` where the task
--- waits, or where it will wait next; false if it had ended
---@field abort fun(self: watchbot.Task, reason?: any): boolean raises `reason` at each wait and at
--- each instruction of the task and of its coroutines until it has ended, however often it is
--- caught; false if it had ended
---@field expire fun(self: watchbot.Task, reason: any): boolean raises `reason` in what runs under a
--- limit in the task, as if that were over; what is outside of the limit goes on. False where the
--- task is in none
---@field ended fun(self: watchbot.Task): boolean
---@field longest_turn fun(self: watchbot.Task): number seconds that it ran without waiting, at the
--- most, its turn now included: meanwhile nothing else had a turn

---@class watchbot.Event
---@field set fun(self: watchbot.Event) wakes all that wait; later waits return at once, until it is
--- cleared
---@field clear fun(self: watchbot.Event)
---@field is_set fun(self: watchbot.Event): boolean
---@field wait fun(self: watchbot.Event, seconds?: number): true?, string?, string? `true`, or
--- `nil, err, "Timeout"`

---@class watchbot.Scheduler
local scheduler = {}

--- Starts a task in the next turn of the loop.
---@type fun(body: function, ...: any): watchbot.Task
scheduler.spawn = core.spawn

--- Runs `body` as a task and the loop until that task has ended; returns its results, or raises its
--- error. Other tasks stay as they are and go on in the next `run`. Not to be called from within a
--- task.
---@type fun(body: function, ...: any): ...
scheduler.run = core.run

--- Calls `body(...)` and returns its results; its error is raised here. When the seconds have
--- passed, `reason` is raised in `body`: where it waits or will wait, and at each instruction of it
--- and of the coroutines that it runs, until it has ended, however often it is caught. What `body`
--- spawns may not run longer without a wait either. Limits nest; the one that is over first counts.
--- `math.huge` sets no time, but `task:abort` and an interrupt find their way in.
---
---     local ok, result = pcall(scheduler.limit, 10, "timed out after 10 s",
---       policy.verdict, policy, job, exit)
---
--- What Lua calls no hook in cannot be raised in: one call of a C function that computes (a pattern
--- with backtracking), a finalizer, and the message handler of an xpcall. `debug.sethook` is
--- refused inside.
---@type fun(seconds: number, reason: any, body: function, ...: any): ...
scheduler.limit = core.limit

--- The same for the seconds that `body` may run without waiting: meanwhile nothing else has a turn.
--- It may wait for any time.
---@type fun(seconds: number, reason: any, body: function, ...: any): ...
scheduler.limit_turn = core.limit_turn

--- Waits; `sleep(0)` lets the others have a turn.
---@type fun(seconds: number)
scheduler.sleep = core.sleep

--- Seconds of a clock that only goes forward (CLOCK_MONOTONIC); its zero means nothing.
---@type fun(): number
scheduler.now = core.now

--- Milliseconds since the epoch, by the wall clock.
---@type fun(): integer
scheduler.time = core.time

--- Seconds of a clock that goes on while the machine sleeps (CLOCK_BOOTTIME).
---@type fun(): number
scheduler.boottime = core.boottime

--- Milliseconds since the epoch as ISO 8601, "2016-07-28T00:12:37.000Z".
---@type fun(milliseconds: integer): string
scheduler.iso_date = core.iso_date

--- Seconds since the epoch as an HTTP date, "Thu, 28 Jul 2016 00:12:37 GMT".
---@type fun(seconds: integer): string
scheduler.http_date = core.http_date

--- The task that is running, or nil outside of one.
---@type fun(): watchbot.Task?
scheduler.running = core.running

--- A flag that tasks can wait for.
---@type fun(): watchbot.Event
scheduler.event = core.event

--- Waits until every other task waits for time, or for the world outside.
---@type fun()
scheduler.quiet = core.quiet

--- For tests: from now on the clocks stand still (`now`, `time`, `boottime`, and those of all
--- waits), and where the loop would wait for time they leap there; with `false` they are the
--- machine's again. They go on where they stood the last time. What runs outside of the loop, a
--- child process, keeps its own time.
---@type fun(whether: boolean)
scheduler.leap = core.leap

--- How many tasks have not ended.
---@type fun(): integer
scheduler.alive = core.alive

--- Is called with the error of each task that fails while no task joins it; without one the error
--- goes to stderr.
---@type fun(handler: fun(err: any)?)
scheduler.on_failure = core.on_failure

--- Calls `body` every `seconds`, first after `seconds`, as a task; cancel the task to stop it. A
--- call that takes longer than the interval delays the next one, and none is made up for.
---@param seconds number
---@param body function
---@param ... any arguments of `body`
---@return watchbot.Task
function scheduler.every(seconds, body, ...)
  if type(seconds) ~= "number" or seconds <= 0 or seconds ~= seconds then
    error(("every: the interval must be a number of seconds above 0, not %s"):format(tostring(
      seconds)), 2)
  end
  return scheduler.spawn(function(...)
    local due = core.now() + seconds
    while true do
      core.sleep(math.max(0, due - core.now()))
      body(...)
      due = math.max(due + seconds, core.now())
    end
  end, ...)
end

return scheduler
