-- Handlers that take batches, with the whole program.

local resident = require "support.resident"
local workshop = require "support.workshop"

local task, run = workshop.task, workshop.run

local function policy(folder, body, fields)
  resident.policy(folder,
    ("max_receives = 1, batch = 3, window = 2, %s handler = function(jobs) %s end")
    :format(fields or "", body))
end

local function drain(folder)
  local log = resident.drain(folder)
  return resident.words(log), log
end

describe("a handler that takes batches", function()
  it("gets a list of jobs, and completes all when it returns nothing", task(function(folder)
    workshop.send(folder, { "a", "b", "c" })
    policy(folder, [[
      local file = io.open("seen", "a")
      file:write(#jobs, " ", jobs[1].message, "\n")
      file:close()]])
    assert.same({ "complete", "complete", "complete" }, (drain(folder)))
    assert.same({ "3 a" }, folder:lines "seen")
  end))

  it("returns what is not done, with the reason or an outcome", task(function(folder)
    workshop.send(folder, { "a", "b", "c" })
    policy(folder, [[return { [jobs[1].id] = "no such tile", [jobs[2].id] = "reject" }]])
    local words, log = drain(folder)
    assert.same({ "complete", "reject", "retry" }, words)
    assert.matches("no such tile", log)
  end))

  for _, case in ipairs {
    { "an error", "error 'no luck'", "no luck" },
    { "an error that is no text", "error {}", "a table was raised" },
    { "false", "return false", "the handler has returned false" },
    { "a number", "return 7", "the handler has returned a number" },
    { "an id that is not in the batch", "return { other = 'x' }", "not the ID of one of its jobs" },
    { "a list", "return { 'x' }", "not the ID of one of its jobs" },
  } do
    it("fails as a whole with " .. case[1], task(function(folder)
      workshop.send(folder, { "a", "b", "c" })
      policy(folder, case[2])
      local words, log = drain(folder)
      assert.same({ "retry", "retry", "retry" }, words)
      assert.is_truthy(log:find(case[3], 1, true), log)
    end))
  end

  it("is ended at the time limit, whether it waits or computes", task(function(folder)
    for _, body in ipairs {
      "require 'watchbot.scheduler'.sleep(60)", "while true do end",
    } do
      workshop.send(folder, { "a", "b", "c" })
      policy(folder, body, "timeout = 0.3,")
      local words, log = drain(folder)
      assert.same({ "retry", "retry", "retry" }, words)
      assert.matches("timed out after 0.3 s", log)
    end
  end))

  it("is refused where there is no handler, or where it could never be full", task(function(folder)
    for _, case in ipairs {
      { 'command = "true", batch = 3', "'batch' is for 'handler'" },
      { "handler = print, batch = 11", "needs a 'window'" },
    } do
      folder:write("policy.lua", ([[return require "watchbot".policy { queue = %q, %s }]]):format(
        folder:url(), case[1]))
      local exit, _, err = run(folder, { "run", "--drain", "policy.lua" })
      assert.equal(2, exit.code)
      assert.is_truthy(err:find(case[2], 1, true), err)
    end
  end))
end)
