--- cli.project.spec: the test of a new project's policy, for busted.

local text = [==[
-- What the policy does with messages and with the ends of their tasks. Runs no task, needs no queue, and waits for nothing:
-- the clock is the test's. Run it with `busted --lua=lua5.4`.

local testing = require "watchbot.testing"

describe("the policy of @NAME@", function()
  local w

  before_each(function() w = testing.watch "policy.lua" end)

  after_each(function() w:close() end)

  it("deletes a message that is done", function()
    w:message { "tile 7/3/5", subject = "tiles" }
    assert.are.equal("complete", w:exits(0))
    assert.are.equal("deleted", w:state())
    assert.are.same({}, w:notifications())
  end)

  it("puts a message back when it is not its time, and tells nobody", function()
    w:message "tile 7/3/5"
    assert.are.equal("release", w:exits(75))
    assert.are.equal(2, w:backoff())
    assert.are.same({}, w:notifications())
    w:advance(2)
    assert.are.equal("running", w:state())
  end)

  it("tries again what has failed, later each time, and tells somebody", function()
    w:message "tile 7/3/5"
    for attempt = 1, 3 do
      assert.are.equal("retry", w:exits(1))
      assert.are.equal(2 ^ attempt, w:backoff())
      assert.are.equal(attempt, #w:notifications())
      w:advance(w:backoff())
    end
  end)

  it("never waits longer than ten minutes", function()
    w:message { "tile 7/3/5", receives = 10 }
    w:exits(1)
    assert.are.equal(600, w:backoff())
  end)

  it("keeps what ran out of memory, as a dead letter", function()
    w:message "tile 7/3/5"
    assert.are.equal("bury", w:exits { signal = "KILL", oom = true, reason = "out of memory" })
    assert.matches("out of memory", w:notifications()[1].body)
  end)

  it("tries again what took too long", function()
    w:message "tile 7/3/5"
    w:advance(15 * 60)
    assert.are.equal("retry", w:outcome())
    assert.matches("timed out", w:exit().reason)
  end)
end)
]==]

return { path = "spec/policy_spec.lua", process = text, task = text }
