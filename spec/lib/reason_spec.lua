-- A handler that returned "reject" with a text of 50 MB as its reason, or that text itself, put all
-- of it into a line of the log; a `__tostring` that never returned stopped the watcher.

local handled = require "watchbot.runner.handled"
local reason = require "watchbot.lib.reason"
local scheduler = require "watchbot.scheduler"

describe("a reason", function()
  it("is text for strings, numbers, booleans and what has __tostring", function()
    assert.are.equal("why", reason "why")
    assert.are.equal("7", reason(7))
    assert.are.equal("false", reason(false))
    assert.are.equal("x", reason(setmetatable({}, { __tostring = function() return "x" end })))
  end)

  it("is nil for what says nothing, and where __tostring fails", function()
    for _, value in ipairs {
      {}, print, setmetatable({}, { __tostring = error }), setmetatable({}, { __name = "x" }),
      setmetatable({}, { __tostring = function() return {} end }),
      setmetatable({}, { __tostring = 5 }), coroutine.create(print),
    } do
      assert.is_nil(reason(value))
    end
    assert.is_nil(reason(nil))
  end)

  it("has a bound, and never ends within a character", function()
    local long = ("\u{20AC}"):rep(1000000)
    for _, given in ipairs {
      reason(long), reason(setmetatable({}, { __tostring = function() return long end })),
      handled.exit(true, "reject", long).reason, handled.exit(true, nil, long).reason,
      handled.exit(false, long).reason, handled.exit(true, long).reason,
    } do
      assert.is_true(#given < 17 * 1024)
      assert.is_truthy(utf8.len(given))
    end
    assert.matches("%(3000000 bytes in all%)$", reason(long))
  end)

  it("is nil where __tostring never returns", function()
    local endless = setmetatable({}, { __tostring = function() while true do end end })
    assert.is_nil(scheduler.run(reason, endless))
  end)

  it("shows a wrong number as it is", function()
    assert.matches("returned 0%.0, which", handled.exit(true, 0.0).reason)
    assert.matches("returned %-?nan, which", handled.exit(true, 0 / 0).reason)
    assert.matches("returned 9%.2233720368548e%+18, which", handled.exit(true, 2.0 ^ 63).reason)
  end)
end)
