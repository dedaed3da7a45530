local try = require("watchbot.policy").try
local words = require "watchbot.policy.words"

describe("a list of words", function()
  it("has text, and no holes", function()
    local cycle = {}
    cycle[1] = cycle
    assert.is_true(words.check { "true", "", "\xff" })
    for _, wrong in ipairs {
      {}, { "a", nil, "b" }, { [0] = "a" }, { [2] = "a" }, { x = "a" }, { "a", 5 }, { 0 / 0 },
      { "a", true }, { "a\0b" }, cycle, { ["1"] = "a" }, { [1.5] = "a" }, { [math.huge] = "a" },
      { [math.mininteger] = "a" }, setmetatable({}, { __index = function() return "a" end }),
      setmetatable({}, { __pairs = function() return next, { "a" } end }),
    } do
      assert.is_false((words.check(wrong)))
    end
    for _, wrong in ipairs { "true", 5, false, print } do
      assert.is_false((words.check(wrong)))
    end
    assert.are.equal("item 2 is nil; 2 items are set",
      select(2, words.check { "a", nil, "b" }))
  end)
end)

-- An argument that is too long for Linux, or an invalid name, failed each message in turn: they
-- were retried, and died, for a mistake of their policy.
describe("a policy's command", function()
  local function problem(command)
    local _, err = try { queue = "sqlite:jobs.db", command = command }
    return err
  end

  it("is one that can be started", function()
    assert.is_nil(problem { "true", ("x"):rep(131071) })
    assert.is_nil(problem(("x"):rep(131071)))
    assert.matches("item 2 has 131072 bytes", problem { "true", ("x"):rep(131072) })
    assert.matches("it has 131072 bytes", problem(("x"):rep(131072)))
    assert.matches("the program's name is empty", problem { "" })
    assert.matches("the program's name is empty", problem { "", "x" })
    assert.matches("item 1 holds a NUL", problem { "tr\0ue" })
  end)

  -- `retention = 0` was taken for "no limit": each message was removed unread. `memory = 512` is
  -- bytes: its jobs were held for lack of memory.
  it("is accompanied by values that can work", function()
    local function refused(name, value)
      local policy, err = try { queue = "sqlite:jobs.db", command = "true", [name] = value }
      assert.is_nil(policy, name .. tostring(value))
      assert.is_truthy(err:find(name, 1, true), err)
    end
    for _, value in ipairs { 0, -1, 59.9, 0.001, 0 / 0, math.huge, "60", {}, true } do
      refused("retention", value)
    end
    for _, value in ipairs { 0, 1, 512, 1048575, "512", "1023K", "0M", "1.5G", -1, 2.0, 0 / 0 } do
      refused("memory", value)
    end
    assert(try { queue = "sqlite:jobs.db", command = "true", retention = 60, memory = "1M" })
    assert(try { queue = "sqlite:jobs.db", command = "true", retention = 1e300, memory = 1 << 62 })
  end)

  -- `history = 1e300` was accepted, and then no row of the history could be written.
  it("are accompanied by times that can be stored", function()
    for _, name in ipairs { "history", "once_for" } do
      for _, value in ipairs { 1e300, 1e16, 3155760001, math.maxinteger, math.huge, 0, -1 } do
        local policy, err = try { queue = "sqlite:jobs.db", command = "true", [name] = value }
        assert.is_nil(policy, name .. tostring(value))
        assert.matches(name .. "': expected seconds, a number above 0, at most 3153600000", err, 1,
          true)
      end
      for _, value in ipairs { 0.5, 86400, 3153600000 } do
        assert(try { queue = "sqlite:jobs.db", command = "true", [name] = value })
      end
    end
  end)
end)
