local testing = require "watchbot.testing"

describe("the example breaker", function()
  it("holds all after five failures, lets one try after a minute, and goes on", function()
    local w <close> = testing.watch "doc/examples/breaker/policy.lua"
    local down = {}
    for index = 1, 5 do
      down[index] = w:message "x"
      assert.are.equal("release", down[index]:exits(69))
    end
    local held, other = w:message "y", w:message "z"
    assert.are.same({ "held", "held" }, { held:state(), other:state() })
    w:advance(62)
    local running = 0
    for _, message in ipairs { held, other, table.unpack(down) } do
      if message:state() == "running" then
        running = running + 1
        message:exits(0)
      end
    end
    assert.are.equal(1, running)
    w:advance(62)
    running = 0
    for _, message in ipairs { held, other, table.unpack(down) } do
      if message:state() == "running" then running = running + 1 end
    end
    assert.are.equal(4, running)
  end)
end)
