--- scheduler: tasks that run concurrently, and wait for each other and for time. Sits on
-- watchbot.core.scheduler (src/lscheduler.c). A task is a Lua function that may wait; while it
-- waits, others run. Durations are in seconds. Waiting works inside pcall, iterators, metamethods
-- and `__close`; not inside table.sort, string.gsub or require, nor inside a coroutine that the
-- code has created: there it raises an error about it.

local core = require "watchbot.core".scheduler

---@class watchbot.Task
---@field join fun(self: watchbot.Task, seconds?: number): boolean?, ... waits for the end of the
--- task: `true` and its results, `false` and its error (text gets a traceback), or `nil, err,
--- "Timeout"`
---@field cancel fun(self: watchbot.Task, reason?: any): boolean raises `reason` at the current or
--- next wait of the task; false if it had ended
---@field abort fun(self: watchbot.Task, reason?: any): boolean raises `reason` at each wait and at
--- each instruction of the task and of its coroutines until it has ended, however often it is
--- caught; false if it had ended
---@field expire fun(self: watchbot.Task, reason: any): boolean raises `reason` in the code that
--- runs under a limit in the task, as if its time were over; code outside the limit continues.
--- False if the task is under no limit
---@field ended fun(self: watchbot.Task): boolean
---@field longest_turn fun(self: watchbot.Task): number the longest time in seconds that it ran
--- without waiting, including its current turn; nothing else ran meanwhile

---@class watchbot.Event
---@field set fun(self: watchbot.Event) wakes all waiting tasks; later waits return at once, until
--- it is cleared
---@field clear fun(self: watchbot.Event)
---@field is_set fun(self: watchbot.Event): boolean
---@field wait fun(self: watchbot.Event, seconds?: number): true?, string?, string? `true`, or
--- `nil, err, "Timeout"`

---@class watchbot.Scheduler
local scheduler = {}

--- Starts a task in the next turn of the loop.
---@type fun(body: function, ...: any): watchbot.Task
scheduler.spawn = core.spawn

--- Runs `body` as a task, and the loop until that task has ended; returns its results, or raises
--- its error. Other tasks are paused and continue in the next `run`. Must not be called within a
--- task.
---@type fun(body: function, ...: any): ...
scheduler.run = core.run

--- Calls `body(...)` and returns its results, or raises its error. When the time is over, `reason`
--- is raised in `body`: at its current or next wait, and at each instruction of it and its
--- coroutines until it has ended, however often it is caught. Tasks spawned by `body` may not run
--- longer without a wait either. Limits nest; the one that ends first counts. `math.huge` sets no
--- time limit, but `task:abort` and an interrupt still work.
---
---     local ok, result = pcall(scheduler.limit, 10, "timed out after 10 s",
---       policy.verdict, policy, job, exit)
---
--- The error cannot be raised where Lua calls no hook: in one call of a C function that computes (a
--- pattern with backtracking), a finalizer, and the message handler of an xpcall. `debug.sethook`
--- is refused inside.
---@type fun(seconds: number, reason: any, body: function, ...: any): ...
scheduler.limit = core.limit

--- The same for the seconds that `body` may run without waiting: nothing else runs meanwhile. It
--- may wait for any time.
---@type fun(seconds: number, reason: any, body: function, ...: any): ...
scheduler.limit_turn = core.limit_turn

--- Waits; `sleep(0)` lets other tasks run.
---@type fun(seconds: number)
scheduler.sleep = core.sleep

--- Seconds of a clock that only advances (CLOCK_MONOTONIC); its zero has no meaning.
---@type fun(): number
scheduler.now = core.now

--- Milliseconds since the epoch, by the wall clock.
---@type fun(): integer
scheduler.time = core.time

--- Seconds of a clock that continues while the machine sleeps (CLOCK_BOOTTIME).
---@type fun(): number
scheduler.boottime = core.boottime

--- Milliseconds since the epoch as ISO 8601, "2016-07-28T00:12:37.000Z".
---@type fun(milliseconds: integer): string
scheduler.iso_date = core.iso_date

--- Seconds since the epoch as an HTTP date, "Thu, 28 Jul 2016 00:12:37 GMT".
---@type fun(seconds: integer): string
scheduler.http_date = core.http_date

--- The task that is running, or nil outside of one. Within a limit, as in a policy's hooks and
--- handlers, the handle is valid until the outermost limit is left; then it behaves as if the task
--- had ended, because the same task may work on another message by then.
---@type fun(): watchbot.Task?
scheduler.running = core.running

--- The same for the task's owner: the handle is good until the task ends, whatever its limits.
---@type fun(): watchbot.Task?
scheduler.current = core.current

--- A flag that tasks can wait for.
---@type fun(): watchbot.Event
scheduler.event = core.event

--- Waits until every other task waits for time or external events.
---@type fun()
scheduler.quiet = core.quiet

--- For tests: from now on the clocks stand still (`now`, `time`, `boottime`, and those of all
--- waits), and jump to the next time that the loop would wait for; with `false` they are the
--- machine's again. They start where they stood the last time. Child processes are not affected.
--- A number skips that many seconds at once: what is due by then is due once.
---@type fun(whether: boolean|number)
scheduler.leap = core.leap

--- How many tasks have not ended.
---@type fun(): integer
scheduler.alive = core.alive

--- Called with the error of each failed task that no other task joins; without a handler, the error
--- goes to stderr.
---@type fun(handler: fun(err: any)?)
scheduler.on_failure = core.on_failure

--- Calls `body` every `seconds`, first after `seconds`, as a task; cancel the task to stop it. A
--- call that takes longer than the interval delays the next one; missed calls are not made up for.
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
