local ids = require "watchbot.otlp.ids"
local sampler = require "watchbot.otlp.sampler"

local LOW, HIGH = ("a"):rep(16) .. ("0"):rep(15) .. "1", ("a"):rep(16) .. ("f"):rep(16)

describe("otlp.sampler", function()
  it("decides by the parent, or without asking it", function()
    local cases = {
      always_on = { true, true, true }, always_off = { false, false, false },
      parentbased_always_on = { true, true, false },
      parentbased_always_off = { false, true, false },
    }
    for name, expected in pairs(cases) do
      local sample = sampler.new(name, 1)
      assert.are.same(expected, { sample(LOW), sample(LOW, true), sample(LOW, false) }, name)
    end
    assert.is_true(sampler.is_known(sampler.DEFAULT))
    assert.is_false(sampler.is_known "jaeger_remote")
  end)

  -- All parts of a trace must decide alike: the lower half of its id counts, as in Go's SDK.
  it("takes a part of all traces, by their ids", function()
    for _, name in ipairs { "traceidratio", "parentbased_traceidratio" } do
      local sample = sampler.new(name, 0.5)
      assert.is_true(sample(LOW))
      assert.is_false(sample(HIGH))
      assert.is_false(sample(("0"):rep(16) .. "8" .. ("0"):rep(15)))
      assert.is_true(sample(("f"):rep(16) .. "7" .. ("f"):rep(15)))
      assert.is_false(sampler.new(name, 0)(LOW))
      assert.is_true(sampler.new(name, 1)(HIGH))
    end
    assert.is_true(sampler.new("parentbased_traceidratio", 0)(HIGH, true))
    assert.is_false(sampler.new("parentbased_traceidratio", 1)(LOW, false))
    assert.is_false(sampler.new("traceidratio", 0.5)(HIGH, true))
  end)

  it("takes about as many of new traces as it is told", function()
    local sample, taken = sampler.new("traceidratio", 0.25), 0
    for _ = 1, 4000 do taken = taken + (sample(ids.trace(0)) and 1 or 0) end
    assert.is_true(taken > 800 and taken < 1200, taken)
  end)
end)
