-- The lines of ecs-watchbot v2 and v3, on which the metric filters and alarms of its stacks look:
-- `outcome`, `failedPlacement`, `duration`, `pending` (seconds), `receives`, `concurrency`.

local cjson = require "cjson"
local journal = require "watchbot.journal"

local job = { id = "id-1", subject = "a subject", message = "a message", receives = 2 }

describe("the lines of a watcher that starts ECS tasks", function()
  local lines, log

  before_each(function()
    lines = {}
    log = journal.new({
      write = function(_, category, id, line, level)
        lines[#lines + 1] = { category, id or false, line, level }
      end,
      format = function() return "text" end,
    }, "task")
  end)

  local function said(index)
    return cjson.decode(lines[index or #lines][3])
  end

  it("begin with the message, cut, and how often it was received", function()
    log:started(job)
    assert.are.same({ "watcher", "id-1",
      '{"subject":"a subject","message":"a message","receives":2}', 30 }, lines[1])
    log:started { id = "id-2", message = ("x"):rep(3000), receives = 1 }
    assert.are.same({ message = ("x"):rep(2048), receives = 1 }, said())
  end)

  it("end with the outcome in the words of its stacks", function()
    local words = {
      complete = "success", reject = "failed, removed from queue", release = "no-op, will retry",
      retry = "failed, will retry",
    }
    for outcome, text in pairs(words) do
      log:outcome(job, outcome, { code = 1, duration = 1 })
      assert.are.equal(text, said().outcome)
      assert.are.equal("id-1", lines[#lines][2])
    end
  end)

  it("have whole seconds where ours have milliseconds, the outcome first", function()
    log:outcome(job, "retry", {
      code = 7, reason = "Essential container in task exited", duration = 30.5, pending = 10.49,
      task = "arn:task",
      stop_code = "EssentialContainerExited", cluster = "arn:cluster", instance = "arn:instance",
      elsewhere = true,
    }, 8)
    assert.are.same({
      "watcher", "id-1",
        '{"outcome":"failed, will retry","reason":"Essential container in task exited","code":7,'
        .. '"duration":31,"pending":10,"stopCode":"EssentialContainerExited","task":"arn:task"}',
          30,
    }, lines[1])
    log:outcome(job, "retry", { signal = "KILL", code = 137, duration = 0 })
    assert.are.same({ outcome = "failed, will retry", code = 137, signal = "KILL", duration = 0 },
      said())
  end)

  it("have neither a duration nor a pending time that nobody knows", function()
    log:outcome(job, "reject", { reason = "it does not fit" })
    assert.are.same({ outcome = "failed, removed from queue", reason = "it does not fit" }, said())
  end)

  it("have no outcome for a task that is left or stopped because the watcher ends", function()
    log:outcome(job, "retry", {
      left = true, stopped = true, reason = "left running", duration = 0,
    })
    assert.are.same({ event = "left to the next watcher", reason = "left running", duration = 0 },
      said())
    log:outcome(job, "retry", { stopped = true, code = 143, signal = "TERM", duration = 2.4 })
    assert.are.same({ event = "stopped with the watcher", code = 143, signal = "TERM",
      duration = 2 }, said())
  end)

  it("tell of a placement that failed, as text", function()
    log:held(job, { reason = "RESOURCE:MEMORY" }, 4)
    assert.are.same({ "watcher", "id-1",
      '{"failedPlacement":"true","reason":"RESOURCE:MEMORY","seconds":4}', 40 }, lines[1])
  end)

  it("keep ours for the rest", function()
    log:info(nil, "max", 20, "concurrency", 3, "messages", 17, "pending", 1, "held", 0)
    log:error(nil, "error", "slow down", "code", "ThrottlingException", "where", "DescribeTasks")
    assert.are.same({
      { "watcher", false, '{"max":20,"concurrency":3,"messages":17,"pending":1,"held":0}', 30 },
      {
        "watcher", false,
        '{"error":"slow down","code":"ThrottlingException","where":"DescribeTasks"}', 50,
      },
    }, lines)
  end)
end)
