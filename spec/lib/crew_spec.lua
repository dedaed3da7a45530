local crew = require "watchbot.lib.crew"
local scheduler = require "watchbot.scheduler"

-- Runs `body` in a task, without tasks that are left from before.
local function within(body)
  return function() scheduler.run(body) end
end

-- To make a coroutine for each job, and to collect it, took a tenth of a small job's instructions.
describe("a crew", function()
  it("does all work with the task that has ended its own", within(function()
    local tasks, different, done = {}, 0, 0
    local all = crew.new(function(number)
      local task = scheduler.running()
      if not tasks[task] then tasks[task], different = true, different + 1 end
      assert.are.equal(done + 1, number)
      scheduler.sleep(0)
      done = number
    end)
    for number = 1, 20 do
      all:run(number)
      while done < number do scheduler.sleep(0) end
      scheduler.sleep(0)
    end
    assert.are.equal(1, different)
    all:close()
  end))

  it("does at the same time what comes at the same time", within(function()
    local running, most = 0, 0
    local all = crew.new(function(_, how)
      assert.are.equal("how", how)
      running = running + 1
      most = math.max(most, running)
      scheduler.sleep(0.01)
      running = running - 1
    end)
    for number = 1, 150 do all:run(number, "how") end
    scheduler.sleep(0)
    scheduler.sleep(0)
    assert.are.equal(150, most)
    while running > 0 do scheduler.sleep(0.01) end
    all:close()
  end))

  it("leaves no task behind when it is closed", within(function()
    local before = scheduler.alive()
    local all = crew.new(function(seconds) scheduler.sleep(seconds) end)
    for _ = 1, 10 do all:run(0) end
    all:run(0.05)
    scheduler.sleep(0.01)
    assert.is_true(scheduler.alive() > before)
    all:close()
    scheduler.sleep(0.1)
    assert.are.equal(before, scheduler.alive())
    all:run(0)
    scheduler.sleep(0.01)
    assert.are.equal(before, scheduler.alive())
  end))

  -- A long turn is reported with the work that it belongs to.
  it("does not use a task again that has not waited for long", within(function()
    local tasks = {}
    local all = crew.new(function(seconds)
      tasks[#tasks + 1] = scheduler.running()
      local until_time = scheduler.now() + seconds
      while scheduler.now() < until_time do end
    end)
    for _, seconds in ipairs { 0.06, 0, 0 } do
      all:run(seconds)
      scheduler.sleep(0)
      scheduler.sleep(0)
    end
    assert.are.equal(3, #tasks)
    assert.are_not.equal(tasks[1], tasks[2])
    assert.are.equal(tasks[2], tasks[3])
    all:close()
  end))
end)
