--- cli.project.spec: the test of a new project's policy, for busted.

local text = [==[
-- Tests the policy's decisions about messages and exit codes. Runs no task and needs no queue; the
-- test controls the clock, so nothing waits. Run it with `watchbot test --spec`.

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

  it("returns a message that comes too early, without a notification", function()
    w:message "tile 7/3/5"
    assert.are.equal("release", w:exits(75))
    assert.are.equal(2, w:backoff())
    assert.are.same({}, w:notifications())
    w:advance(2)
    assert.are.equal("running", w:state())
  end)

  it("retries a failure with growing backoff, and sends a notification", function()
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

  it("moves a message whose task ran out of memory to the dead-letter queue", function()
    w:message "tile 7/3/5"
    assert.are.equal("bury", w:exits { signal = "KILL", oom = true, reason = "out of memory" })
    assert.matches("out of memory", w:notifications()[1].body)
  end)

  it("retries a task that took too long", function()
    w:message "tile 7/3/5"
    w:advance(15 * 60)
    assert.are.equal("retry", w:outcome())
    assert.matches("timed out", w:exit().reason)
  end)
end)
]==]

return { path = "spec/policy_spec.lua", process = text, task = text }
