local batches = require "watchbot.otlp.batches"
local scheduler = require "watchbot.scheduler"

local function task(body)
  return function() scheduler.run(body) end
end

-- A sender that notes what it is given; `answer` returns the result of a request.
local function noted(answer)
  return {
    bodies = {}, dropped = 0, lost = {},
    send = function(self, body, count)
      self.bodies[#self.bodies + 1] = body
      if answer then return answer(self, #self.bodies, count) end
      return true
    end,
    drop = function(self, count) self.dropped = self.dropped + count end,
    lose = function(self, err, code, count)
      self.lost[#self.lost + 1] = { err, code, count }
    end,
    say = function() end,
  }
end

local function open(sender, more)
  local options = { before = "<", behind = ">", size = 3, most = 5, delay = 0.01 }
  for name, value in pairs(more or {}) do options[name] = value end
  return batches.new(sender, options)
end

local function until_true(condition)
  local until_time = scheduler.now() + 30
  while not condition() do
    assert(scheduler.now() < until_time, "it never came to this")
    scheduler.sleep(0.005)
  end
end

describe("otlp.batches", function()
  it("sends what waits after the delay, and a full batch at once", task(function()
    local sender = noted()
    local made = open(sender, { delay = 3600 })
    local running = scheduler.spawn(made.run, made)
    for index = 1, 2 do made:add(tostring(index)) end
    scheduler.sleep(0.05)
    assert.are.same({}, sender.bodies)
    made:add "3"
    until_true(function() return #sender.bodies == 1 end)
    assert.are.same({ "<1,2,3>" }, sender.bodies)
    made:add "4"
    made:close(running, 30)
    assert.are.same({ "<1,2,3>", "<4>" }, sender.bodies)
    assert.are.same({}, sender.lost)
  end))

  it("sends after the delay what is no full batch", task(function()
    local sender = noted()
    local made = open(sender)
    local running = scheduler.spawn(made.run, made)
    made:add "1"
    until_true(function() return made:is_empty() end)
    assert.are.same({ "<1>" }, sender.bodies)
    made:close(running, 30)
  end))

  -- A collector that was down for a night must not take the watcher's memory.
  it("keeps so many and no more, drops the newest, and sends the oldest when it can",
    task(function()
      local up = false
      local sender = noted(function() return up, not up and 0.01 or nil end)
      local made = open(sender)
      local running = scheduler.spawn(made.run, made)
      for index = 1, 9 do
        if made:has_room() then made:add(tostring(index)) end
      end
      assert.are.equal(4, sender.dropped)
      until_true(function() return #sender.bodies >= 3 end)
      up = true
      until_true(function() return made:is_empty() end)
      assert.are.equal("<1,2,3>", sender.bodies[1])
      assert.are.same({ "<1,2,3>", "<4,5>" },
        { table.unpack(sender.bodies, #sender.bodies - 1) })
      assert.are.same({}, made.waiting)
      made:close(running, 30)
    end))

  it("ends within its bound where the collector does not answer, and says what was lost",
    task(function()
      local sender = noted(function() scheduler.sleep(3600) end)
      local made = open(sender)
      local running = scheduler.spawn(made.run, made)
      made:add "1"
      until_true(function() return #sender.bodies == 1 end)
      local began = scheduler.now()
      made:close(running, 0.2)
      assert.is_true(scheduler.now() - began < 30)
      assert.are.equal(1, sender.lost[1][3])
      until_true(function() return running:ended() end)
    end))

  it("does not sit out a pause at the end, and tries once more", task(function()
    local sender = noted(function() return false, 3600 end)
    local made = open(sender)
    local running = scheduler.spawn(made.run, made)
    made:add "1"
    until_true(function() return #sender.bodies == 1 end)
    local began = scheduler.now()
    made:close(running, 60)
    assert.is_true(scheduler.now() - began < 30)
    assert.are.equal(2, #sender.bodies)
    assert.are.equal(1, sender.lost[1][3])
  end))
end)
