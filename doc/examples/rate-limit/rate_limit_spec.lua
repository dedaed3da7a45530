-- The limit, with a clock that the test moves.
local testing = require "watchbot.testing"
local workshop = require "support.workshop"

local HERE = "doc/examples/rate-limit/"

describe("the example rate-limit", function()
  local w

  before_each(function() w = testing.watch(HERE .. "policy.lua") end)
  after_each(function() w:close() end)

  -- How many of the messages run or have run.
  local function started(messages)
    local count = 0
    for _, message in ipairs(messages) do
      if message:state() == "running" then count = count + 1 end
    end
    return count
  end

  it("starts a burst at once, then so many a second", function()
    local messages = {}
    for index = 1, 40 do messages[index] = w:message(tostring(index)) end
    assert.are.equal(10, started(messages))
    -- A moment more: many small pauses add up to a second only nearly.
    w:advance(1.001)
    assert.are.equal(20, started(messages))
    w:advance(1.5)
    assert.are.equal(35, started(messages))
    w:advance(10)
    assert.are.equal(40, started(messages))
    assert.are.equal(1, messages[40]:receives())
  end)

  it("saves up no more than a burst", function()
    w:advance(3600)
    local messages = {}
    for index = 1, 15 do messages[index] = w:message(tostring(index)) end
    assert.are.equal(10, started(messages))
  end)

  it("runs", workshop.task(function(folder)
    assert(os.execute(("cp %s* '%s'"):format(HERE, folder.path)))
    workshop.run(folder, { "send", "--queue", "sqlite:calls.db", "7" }, { QueueUrl = false })
    local exit, log = workshop.run(folder, { "run", "--drain", "policy.lua" }, { QueueUrl = false })
    assert.are.equal(0, exit.code, log)
    assert.matches("calling for 7\n", log)
  end))
end)
