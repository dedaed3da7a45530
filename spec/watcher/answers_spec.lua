-- What a hook returned was used as it came: seconds that are no number ended the watcher, or kept a
-- message in flight forever.

local answers = require "watchbot.watcher.answers"

local NAN = 0 / 0
local LONGEST = 12 * 3600

local function refused(check, ...)
  local value, problem = answers[check](...)
  assert.is_nil(value)
  assert.is_string(problem)
  return problem
end

describe("what a hook returns", function()
  it("is for poll a whole number and seconds", function()
    assert.are.same({ 10, 20 }, { answers.poll(10, 20) })
    assert.are.same({ 10, 0.5 }, { answers.poll(10.0, 0.5) })
    assert.are.same({ 0, LONGEST }, { answers.poll(0, math.huge) })
    for _, pair in ipairs {
      { 0, NAN }, { NAN, 1 }, { math.huge, 1 }, { -1, 1 }, { 1.5, 1 }, { "10", 1 }, { nil, 1 },
      { {}, 1 }, { true, 1 }, { 1, "20" }, { 1, -math.huge }, { 1, {} }, { 1 },
    } do
      refused("poll", pair[1], pair[2])
    end
  end)

  it("is for admit true, 'hold' or an outcome, and perhaps seconds", function()
    assert.are.same({ true }, { answers.admit(true) })
    assert.are.same({ "hold", 5 }, { answers.admit("hold", 5) })
    assert.are.same({ "bury" }, { answers.admit "bury" })
    assert.are.same({ "hold", 0 }, { answers.admit("hold", -5) })
    for _, pair in ipairs {
      { false }, { nil }, { "wait" }, { 1 }, { {} }, { print }, { "hold", NAN }, { "hold", "5" },
      { "retry", -math.huge }, { true, {} },
    } do
      refused("admit", pair[1], pair[2])
    end
    assert.are.equal("admit must return true, 'hold', 'complete', 'reject', 'release', 'retry', "
      .. "'bury' or 'pause', not 'wait'", refused("admit", "wait"))
  end)

  -- `return "pause", 1e300` stored an end that is no date: the watcher could not look any more.
  it("is for 'pause' seconds above 0 whose end is a date", function()
    for _, name in ipairs { "admit", "verdict" } do
      local check = answers[name]
      assert.are.same({ "pause" }, { check "pause" })
      assert.are.same({ "pause", 0.5 }, { check("pause", 0.5) })
      for _, long in ipairs { 3153600000, 1e10, 1e300, math.maxinteger } do
        assert.are.same({ "pause", 3153600000 }, { check("pause", long) })
      end
      for _, value in ipairs { 0, -1, NAN, math.huge, "5" } do refused(name, "pause", value) end
    end
  end)

  it("is for verdict an outcome, and perhaps seconds", function()
    assert.are.same({ "retry", 7.5 }, { answers.verdict("retry", 7.5) })
    assert.are.same({ "retry", LONGEST }, { answers.verdict("retry", math.huge) })
    for _, pair in ipairs {
      { "hold" }, { true }, { nil }, { 0 }, { "Complete" }, { "retry", NAN }, { "retry", print },
    } do
      refused("verdict", pair[1], pair[2])
    end
  end)

  it("is for backoff seconds", function()
    assert.are.equal(2, answers.backoff(2))
    assert.are.equal(LONGEST, answers.backoff(2.0 ^ 2000))
    assert.are.equal(0, answers.backoff(-1))
    refused("backoff", nil)
    refused("backoff", NAN)
    refused("backoff", "60")
  end)

  it("is for environment a table of names to text; numbers and booleans become text", function()
    assert.are.same({ DEBUG = "true", LEVEL = "3", RATIO = "0.5", NAME = "x" },
      answers.environment { DEBUG = true, LEVEL = 3, RATIO = 0.5, NAME = "x" })
    for _, value in ipairs {
      "A=b", 7, { "x" }, { [""] = "x" }, { ["A=B"] = "x" }, { ["A\0"] = "x" }, { A = "\0" },
      { A = {} }, { A = print }, { [true] = "x" },
    } do
      refused("environment", value)
    end
    refused("environment", nil)
    assert.are.equal("environment: 'LIST' must be text, not a table",
      refused("environment", { LIST = {} }))
  end)
end)
