-- When volumes are emptied. The runner inside and the folders are stand-ins that only note what
-- they are asked for: what they leave out, spec/listen_spec.lua has for real.

local emptying = require "watchbot.runner.emptying"
local scheduler = require "watchbot.scheduler"

describe("the runner that empties", function()
  local said, gate, opened

  -- Emptying lasts until the gate is opened.
  before_each(function()
    said, gate = {}, scheduler.event()
    local inner = {
      start = function(_, job)
        said[#said + 1] = "start " .. job
        if job == "bad" then return nil, "no such program", "ENOENT" end
        return { wait = function(_, seconds) return seconds ~= 0 and { code = 0 } or nil end,
          stop = function(_, reason, grace) said[#said + 1] = ("stop %s %d"):format(reason,
            grace) end }
      end,
    }
    opened = emptying.new(inner, {
      empty = function()
        said[#said + 1] = "empty"
        gate:wait()
        said[#said + 1] = "emptied"
      end,
      complain = function(_, _, message) said[#said + 1] = message end,
    })
  end)

  local function task(body)
    return function() scheduler.run(body) end
  end

  it("does not empty before the first job, but after each and right before the next",
    task(function()
    gate:set()
    local run = opened:start "1"
    assert.is_nil(run:wait(0))
    assert.are.same({ "start 1" }, said)
    assert.are.equal(0, run:wait().code)
    opened:start "2"
    assert.are.same({ "start 1", "empty", "emptied", "empty", "emptied", "start 2" }, said)
  end))

  it("gives the exit at once, and lets the next job wait", task(function()
    opened:start "1":wait()
    local second = scheduler.spawn(opened.start, opened, "2")
    scheduler.sleep(0.02)
    assert.are.same({ "start 1", "empty" }, said)
    gate:set()
    assert.is_true((second:join()))
    assert.are.equal("start 2", said[#said])
  end))

  it("empties nothing while another job runs", task(function()
    gate:set()
    local first, second = opened:start "1", opened:start "2"
    first:wait()
    scheduler.sleep(0.02)
    opened:start "3":wait()
    assert.are.same({ "start 1", "start 2", "start 3" }, said)
    second:wait()
    scheduler.sleep(0.02)
    assert.are.equal("emptied", said[#said])
  end))

  it("passes on what could not be started, and stops", task(function()
    gate:set()
    assert.are.same({ nil, "no such program", "ENOENT" }, { opened:start "bad" })
    local run = opened:start "1"
    run:stop("timed out", 5)
    assert.are.same({ "start bad", "empty", "emptied", "start 1", "stop timed out 5" }, said)
  end))

  -- A resident runner behind it had one slot for each worker, learned nothing of its queue, and its
  -- programs outlived the watcher.
  it("is what the runner inside is, in all else", task(function()
    local heard = {}
    local function note(name, ...)
      local results = { ... }
      return function(_, value)
        heard[#heard + 1] = ("%s %s"):format(name, tostring(value))
        return table.unpack(results)
      end
    end
    local run = { wait = function() return { code = 0 } end, leave = note "leave" }
    local one = emptying.new({
      attach = note "attach", capacity = note("capacity", 40), find = note("find", run),
      drain = note "drain", left = note "left", status = note("status", 3),
      runtimes = note("runtimes", { alive = 2 }), close = note "close",
      shares_signals = true, ignores_environment = true,
    }, { empty = function() heard[#heard + 1] = "empty" end })
    one:attach "queue"
    assert.are.same({ 40, 3, 2, true, true }, { one:capacity "policy", one:status(),
      one:runtimes().alive, one.shares_signals, one.ignores_environment })
    local found = one:find "job"
    found:leave "1"
    one:left "job"
    one:drain()
    found:wait()
    one:close()
    assert.are.same({ "attach queue", "capacity policy", "status nil", "runtimes nil", "find job",
      "leave 1", "left job", "drain nil", "close nil", "empty" }, heard)
    local plain = emptying.new({ start = print }, {})
    for _, name in ipairs { "attach", "capacity", "find", "drain", "left", "status" } do
      assert.is_nil(plain[name], name)
    end
  end))

  -- A watcher that was suspended while a volume was emptied started what another one had by then.
  it("starts nothing whose lease has lapsed meanwhile", task(function()
    gate:set()
    opened:start "1":wait()
    local _, _, code = opened:start("2", {}, {}, function() return said[#said] == "emptied" end)
    assert.are.equal("LeaseLapsed", code)
    opened:start("3", {}, {}, function() return false end)
    assert.are.same({ "start 1", "start 3" }, { said[1], said[#said] })
  end))

  it("waits for the last emptying at the end", task(function()
    opened:start "1":wait()
    scheduler.spawn(function()
      scheduler.sleep(0.02)
      gate:set()
    end)
    opened:close()
    assert.are.equal("emptied", said[#said])
  end))
end)
