-- Handlers that do not want to end: only kill -9 ended the watcher that ran one.

local policy = require "watchbot.policy"
local lua = require "watchbot.runner.lua"
local scheduler = require "watchbot.scheduler"

local sink = { lines = {}, write = function(self, _, _, line) table.insert(self.lines, line) end }

-- The exit of a handler, whose limit is `timeout`.
local function run(handler, timeout, stop_after)
  local tested = policy { queue = "sqlite:x.db", handler = handler, timeout = timeout or 0 }
  return scheduler.run(function()
    local one = lua.new(sink):start({ id = "m", message = "x" }, {}, tested)
    if stop_after then
      scheduler.sleep(stop_after)
      one:stop "stopped: the watcher is draining"
    end
    return assert(one:wait(60), "it never ended")
  end)
end

local stubborn = {
  ["a loop around pcall"] = function() while true do pcall(error, "again") end end,
  ["a loop until it works"] = function()
    repeat local ok = pcall(function() while true do end end) until ok
  end,
  ["a coroutine of its own"] = function()
    coroutine.wrap(function() while true do pcall(coroutine.wrap(error)) end end)()
  end,
  ["waits that it catches"] = function() while true do pcall(scheduler.sleep, 1000) end end,
  ["an error handler"] = function() while true do xpcall(error, function() return 1 end) end end,
}

describe("a handler", function()
  for name, handler in pairs(stubborn) do
    it("is ended by its timeout in " .. name, function()
      local exit = run(handler, 0.2)
      assert.are.same({ 1, true, "timed out after 0.2 s" },
        { exit.code, exit.timed_out, exit.reason })
      assert.is_true(exit.duration >= 0.2)
    end)
  end

  it("is ended by a stop in the middle of a wait that it catches", function()
    local exit = run(stubborn["waits that it catches"], 0, 0.1)
    assert.are.equal("stopped: the watcher is draining", exit.reason)
    assert.is_nil(exit.timed_out)
  end)

  it("has not timed out when it raises those words itself", function()
    local exit = run(function() error("timed out after 60 s", 0) end, 60)
    assert.is_nil(exit.timed_out)
    assert.matches("timed out after 60 s", exit.reason)
  end)

  it("is success, failure or an outcome by what it returns", function()
    assert.are.equal(0, run(function() end).code)
    assert.are.equal(1, run(function() return nil, "why" end).code)
    assert.are.equal("why", run(function() return nil, "why" end).reason)
    assert.are.equal("bury", run(function() return "bury" end).outcome)
    assert.are.equal(75, run(function() return 75 end).code)
  end)
end)
