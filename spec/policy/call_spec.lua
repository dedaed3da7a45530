-- A policy's function `command` or `task` ran without the limit of hooks: a loop in one stopped the
-- watcher, and os.exit in one ended it silently with that status.

local call = require "watchbot.policy.call"
local process = require "watchbot.runner.process"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local run, send, task = workshop.run, workshop.send, workshop.task

local function raises(with)
  return setmetatable({}, { __tostring = with })
end

describe("a call of a policy's function", function()
  it("returns what the function returns, and its error with a trace", function()
    assert.are.same({ true, 1, nil, 3 }, { call.protected(nil, function() return 1, nil, 3 end) })
    local ok, err = scheduler.run(call.protected, "m", error, "why")
    assert.is_false(ok)
    assert.matches("^why\nstack traceback:", err)
  end)

  -- `error(table)` in `command` was an error of the watcher's own: no outcome, and the breaker.
  it("describes whatever was raised", function()
    for expected, err in pairs {
      ["it raised a table"] = {}, ["it raised a function"] = print, ["5"] = 5,
      ["true"] = true, ["broken"] = raises(function() return "broken" end),
    } do
      assert.are.equal(expected, call.described(err))
    end
    assert.are.equal("it raised a nil", call.described(nil))
    assert.are.equal("it raised a table", call.described(raises(function() error "no" end)))
    assert.are.equal("it raised a table", call.described(raises(function() return {} end)))
  end)

  it("names the function in what went wrong", function()
    for _, err in ipairs { "x", {}, raises(error), 0 / 0 } do
      local made, text, code = scheduler.run(process.command, {
        command = function() error(err) end,
      }, { id = "m" })
      assert.is_nil(made)
      assert.matches("^the policy's function 'command' failed: ", text)
      assert.are.equal("CommandFailed", code)
    end
  end)
end)

-- coroutine.yield in a handler ended the task that owns the job: its message stayed in flight, and
-- `--drain` never ended.
describe("a yield of a policy's code", function()
  local function drained(fields, hooks)
    return task(function(folder)
      send(folder, { "yield", "good" })
      folder:write("policy.lua", ([[
        local policy = require "watchbot".policy { queue = %q, max_receives = 1, %s }
        function policy:backoff() return 0 end
        %s
        return policy]]):format(folder:url(), fields, hooks or ""))
      local exit, log = run(folder, { "run", "--drain", "policy.lua" })
      assert.are.equal(0, exit.code, log)
      assert.matches("only watchbot's own functions can suspend", log)
      assert.matches('"complete":1,"reject":0,"release":0,"retry":1', log)
    end)
  end
  local YIELD = "function(job) if job.message == 'yield' then coroutine.yield() end %s end"

  it("is an error of a handler", drained("handler = " .. YIELD:format ""))
  it("is an error of a command", drained("command = " .. YIELD:format "return 'true'"))
  it("is an error in a pcall, too", drained("handler = "
    .. "function(job) if job.message == 'yield' then return pcall(coroutine.yield) and true "
    .. "or nil, select(2, pcall(coroutine.yield)) end end"))
  it("is an error of a hook", drained("command = 'true'",
    "function policy:verdict(job, exit) if job.message == 'yield' then coroutine.yield() end "
      .. "return 'complete' end"))

  it("suspends a coroutine of its own", function()
    local values = {}
    scheduler.run(call.protected, "m", function()
      for value in coroutine.wrap(function() for n = 1, 3 do coroutine.yield(n) end end) do
        values[#values + 1] = value
      end
    end)
    assert.are.same({ 1, 2, 3 }, values)
  end)
end)

describe("a policy's function", function()
  it("cannot end the watcher: its message is retried, and the next one runs", task(function(folder)
    send(folder, { "exit", "table", "good" })
    folder:write("policy.lua", ([[
      local policy = require "watchbot".policy { queue = %q, max_receives = 1,
        command = function(job)
          if job.message == "exit" then os.exit(3) end
          if job.message == "table" then error({}) end
          return { "true" }
        end }
      function policy:backoff() return 0 end
      return policy]]):format(folder:url()))
    local exit, log = run(folder, { "run", "--drain", "policy.lua" })
    assert.are.equal(0, exit.code, log)
    assert.matches("os.exit: a handler or a hook cannot end the program", log)
    assert.matches("function 'command' failed: it raised a table", log)
    assert.matches('"complete":1,"reject":0,"release":0,"retry":2', log)
  end))
end)
