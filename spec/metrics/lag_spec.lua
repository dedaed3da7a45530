local lag = require "watchbot.metrics.lag"
local scheduler = require "watchbot.scheduler"

describe("the loop's lag", function()
  -- A hook that computes holds up every other job: that is to be seen.
  it("shows a task that computes without waiting", function()
    scheduler.run(function()
      local late, task = lag.start()
      local bound = scheduler.now() + 60
      local function slow() return late:read().sum > 0.5 end
      while not slow() and scheduler.now() < bound do
        local until_time = scheduler.now() + 1.2
        while scheduler.now() < until_time do end
        scheduler.sleep(0.01)
      end
      assert.is_true(slow())
      task:cancel()
    end)
  end)
end)
