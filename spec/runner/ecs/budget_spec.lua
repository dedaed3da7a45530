-- How often RunTask may be called. What time does is shown by setting back when the budget was last
-- looked at, and where there is a wait it is bounded from below only: a slow machine makes nothing
-- fail.

local budget = require "watchbot.runner.ecs.budget"
local fields = require "watchbot.policy.fields"
local scheduler = require "watchbot.scheduler"

local function pass(one, seconds)
  one.at = one.at - seconds
  one:refill()
end

local function task(body)
  return function() scheduler.run(body) end
end

-- Takes that would not wait now.
local function ready(one)
  one:refill()
  return math.floor(one.tokens)
end

describe("the budget of calls", function()
  it("begins with a second's worth, below what Fargate takes", function()
    local one = budget.new()
    assert.are.equal(15, ready(one))
    assert.are.equal(4, ready(budget.new(4)))
  end)

  it("never saves up more than a second's worth", function()
    local one = budget.new(10)
    pass(one, 3600)
    assert.are.equal(10, ready(one))
    assert.are.equal(10, one.rate)
  end)

  it("lets calls through at once while there are tokens, and then at its rate", task(function()
    local begin = scheduler.now()
    local one = budget.new(50)
    for _ = 1, 65 do one:take() end
    -- 50 at once, 15 more at 50 a second.
    assert.is_true(scheduler.now() - begin >= 15 / 50 - 0.001)
  end))

  it("serves those who wait in turn, at its rate together", task(function()
    local begin = scheduler.now()
    local one = budget.new(20)
    local order, waiting = {}, {}
    for index = 1, 24 do
      waiting[index] = scheduler.spawn(function()
        one:take()
        order[#order + 1] = index
      end)
    end
    for _, each in ipairs(waiting) do assert.is_true((each:join())) end
    assert.is_true(scheduler.now() - begin >= 4 / 20 - 0.001)
    for index = 1, 24 do assert.are.equal(index, order[index]) end
  end))
end)

describe("a budget that was throttled", function()
  it("has half the rate, and nothing left", function()
    local one = budget.new(16)
    one:slow()
    assert.are.equal(8, one.rate)
    assert.are.equal(0, one.tokens)
  end)

  it("never stops altogether", function()
    local one = budget.new(16)
    for _ = 1, 20 do one:slow() end
    assert.is_true(one.rate >= 0.5 and one.rate < 1)
    assert.is_true(one.tokens <= 0)
  end)

  it("recovers by half a call a second for each second, and no further than it was", function()
    local one = budget.new(16)
    for _ = 1, 20 do one:slow() end
    local slowest = one.rate
    pass(one, 10)
    assert.is_true(one.rate >= slowest + 5 and one.rate < 16)
    pass(one, 3600)
    assert.are.equal(16, one.rate)
  end)

  it("keeps those who wait behind each other: what they have taken is not given back", function()
    local one = budget.new(16)
    one.tokens = -10000
    one:slow()
    assert.is_true(one.tokens < -5000)
  end)
end)

describe("the policy's placements", function()
  -- 0 was taken, as for seconds, and the first message waited for its token forever.
  it("are a number above 0", function()
    for _, rate in ipairs { 15, 0.1, 500 } do assert.is_true((fields.check("placements", rate))) end
    assert.are.equal("policy field 'placements': expected a number above 0, got 0",
      select(2, fields.check("placements", 0)))
    for _, rate in ipairs { -1, math.huge, 0 / 0, "fast" } do
      assert.is_nil((fields.check("placements", rate)))
    end
  end)
end)
