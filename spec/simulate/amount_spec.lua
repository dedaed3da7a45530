local amount = require "watchbot.simulate.amount"
local random = require "watchbot.simulate.random"

-- Mean and share above `bound` of many draws.
local function drawn(text, bound)
  local draw = assert(amount.distribution(text))
  local sum, above, count = 0, 0, 20000
  for number = 1, count do
    local seconds = draw(random.uniform(1, number, 0, 1), random.uniform(1, number, 0, 2))
    sum, above = sum + seconds, above + (seconds > bound and 1 or 0)
  end
  return sum / count, above / count
end

local function near(expected, found)
  assert.is_true(math.abs(found - expected) <= 0.05 * math.abs(expected), found)
end

describe("amount", function()
  it("reads durations, and refuses what is none", function()
    for text, seconds in pairs { ["2"] = 2, ["2s"] = 2, ["300ms"] = 0.3, [".5m"] = 30,
      ["1h"] = 3600, ["2d"] = 172800 } do
      assert.are.equal(seconds, amount.seconds(text))
    end
    for _, text in ipairs { "", "s", "-1s", "1x", "1 s", "0x10", "1e3" } do
      assert.is_nil(amount.seconds(text), text)
    end
  end)

  it("draws from each distribution as its name says", function()
    assert.are.same({ 2, 0 }, { drawn("2s", 2) })
    near(2, (drawn("uniform:1s:3s", 0)))
    near(0.25, (select(2, drawn("uniform:1s:3s", 2.5))))
    near(2, (drawn("exponential:2s", 0)))
    near(math.exp(-2), (select(2, drawn("exponential:2s", 4))))
    near(5, (drawn("normal:5s:1s", 0)))
    near(0.5, (select(2, drawn("lognormal:2s:1.5", 2))))
    near(2 * math.exp(0.5 ^ 2 / 2), (drawn("lognormal:2s:0.5", 0)))
    for _, text in ipairs { "", "uniform:1s", "uniform:1s:2s:3s", "zipf:2s", "lognormal:2s:x" } do
      local draw, err = amount.distribution(text)
      assert.is_nil(draw)
      assert.matches("^expected 2s, uniform:1s:3s", err)
    end
  end)

  it("draws exits by their shares, in percent or not, the rest to one without", function()
    for _, text in ipairs { "0=97%,1=2%,KILL=1%", "0=0.97,1=0.02,KILL=0.01", "1=2%,0,KILL=1%" } do
      local draw, counts = assert(amount.exits(text)), {}
      for index = 0, 999 do
        local exit = draw((index + 0.5) / 1000)
        local name = exit.signal or exit.code
        counts[name] = (counts[name] or 0) + 1
      end
      assert.are.same({ [0] = 970, [1] = 20, KILL = 10 }, counts)
    end
    assert.are.same({ code = 7 }, assert(amount.exits "7")(0.999))
    for text, said in pairs {
      ["0=90%"] = "the shares are 90 %", ["0=90%,1=20%"] = "the shares are 110 %",
      ["256=1%"] = "expected CODE=SHARE", ["0,1"] = "only one exit can have no share",
      ["0=x"] = "expected CODE=SHARE", ["kill"] = "expected CODE=SHARE",
    } do
      local draw, err = amount.exits(text)
      assert.is_nil(draw, text)
      assert.is_truthy(err:find(said, 1, true), err)
    end
  end)

  it("has messages arrive at a rate or in bursts", function()
    local function span(text, count)
      local gap, _, burst = assert(amount.arrivals(text))
      local at = 0
      for number = 1, count do at = at + gap(number, random.uniform(1, number, 0, 1)) end
      return at, burst
    end
    near(200, (span("50/s", 10000)))
    near(200, (span("3000/m", 10000)))
    near(0.4, (span("regular:50/s", 21)))
    assert.are.same({ 0, 10 }, { span("burst:10", 10) })
    assert.are.same({ 120 }, { span("burst:10/60s", 30) })
    for _, text in ipairs { "50", "0/s", "50/x", "burst:0", "burst:x", "burst:10/x", "" } do
      assert.is_nil(amount.arrivals(text), text)
    end
  end)
end)
