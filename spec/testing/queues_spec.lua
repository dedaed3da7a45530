-- A policy of several queues, in a test of it.
local policy = require "watchbot.policy"
local testing = require "watchbot.testing"

local function watch(fields)
  fields.queues = fields.queues or { "sqlite:a.db", { "sqlite:b.db", handler = function(job)
    if job.message == "bad" then return "reject" end
  end, backoff = function() return 7 end } }
  return testing.watch(policy(fields))
end

describe("a test of a policy with several queues", function()
  it("sends to each, and sees what its own fields do", function()
    local w <close> = watch { command = "true", workers = 2 }
    w:message "one"
    assert.are.equal("running", w:state())
    assert.are.equal("sqlite:a.db", w:job().queue)
    assert.are.equal("retry", w:exits(1))
    local other = w:message { "bad", queue = "sqlite:b.db" }
    assert.are.equal("reject", other:outcome())
    assert.are.equal("sqlite:b.db", other:job().queue)
    assert.are.equal("message-2", other.id)
  end)

  it("names the queue in a notification", function()
    local w <close> = watch { command = "true", topic = testing.TOPIC }
    w:message { "bad", queue = "sqlite:b.db" }
    assert.matches("\nQueue: sqlite:b%.db\n", w:notifications()[1].body)
    local single <close> = testing.watch(policy { queue = "sqlite:a.db", command = "true" })
    single:message "x"
    single:exits(3)
    assert.is_nil(single:notifications()[1].body:find "Queue:")
  end)

  it("refuses a queue that the policy does not have", function()
    local w <close> = watch { command = "true" }
    local ok, err = pcall(w.message, w, { "x", queue = "sqlite:c.db" })
    assert.is_false(ok)
    assert.matches("the policy has no queue 'sqlite:c.db'; did you mean 'sqlite:a.db'%?", err)
  end)

  -- A message that came for a slot that another queue has by now.
  it("keeps what has come without a slot, and starts it next", function()
    local w <close> = watch { command = "true", workers = 1, queues = { "sqlite:a", "sqlite:b" } }
    local first = w:message { "a-1", queue = "sqlite:a" }
    local second = w:message { "b-1", queue = "sqlite:b" }
    local third = w:message { "a-2", queue = "sqlite:a" }
    w:advance(600)
    assert.are.same({ "running", "waiting" }, { first:state(), second:state() })
    first:exits(0)
    assert.are.equal("running", second:state())
    assert.are.same({ 1, "complete" }, { second:job().receives, second:exits(0) })
    assert.are.equal("running", third:state())
  end)
end)
