local testing = require "watchbot.testing"

describe("the example canary", function()
  it("runs the new version for about five percent, and the same one for each retry", function()
    local w <close> = testing.watch "doc/examples/canary/policy.lua"
    local new = 0
    for index = 1, 1000 do
      local message = w:message { "x", id = ("8a2f%04d-6c1e-4b7a"):format(index) }
      local program = message:command()[1]
      if program == "./worker-new" then new = new + 1 end
      if index % 100 == 0 then
        message:exits(1)
        assert.are.equal(program == "./worker-new",
          message:notifications()[1].subject:find("[new version]", 1, true) == 1)
        w:advance(message:backoff())
        assert.are.equal(program, message:command()[1])
      end
      message:exits(0)
    end
    assert.is_true(new > 20 and new < 90, new)
  end)
end)
