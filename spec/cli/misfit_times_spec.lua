-- Times that are valid each, and lose messages' leases together.
local leases = require "watchbot.watcher.leases"
local misfit_times = require "watchbot.cli.misfit_times"
local watchbot = require "watchbot"

local SQS = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"

local function said(declared)
  declared.command = "x"
  return table.concat(misfit_times(watchbot.policy(declared)), "\n")
end

describe("cli.misfit_times", function()
  it("finds deletes that wait for longer than their messages stay hidden", function()
    assert.matches("'linger' is 40 s: messages that are done may be received again",
      said { queue = SQS, visibility = 60, linger = 40 }, 1, true)
    assert.are.equal("", said { queue = SQS, visibility = 60, linger = 30 })
  end)

  it("finds a timeout beyond what SQS lets a receiver keep a message", function()
    assert.matches("'timeout' is 50000 s: SQS makes a message visible 12 hours after",
      said { queue = SQS, timeout = 50000 }, 1, true)
    assert.are.equal("", said { queue = SQS, timeout = leases.LONGEST })
    assert.are.equal("", said { queue = "sqlite:j.db", timeout = 50000 })
  end)

  it("finds a retention that ends before a task does", function()
    assert.matches("'retention' is 60 s: a message whose task is stopped after 'timeout' (90 s)",
      said { queue = "sqlite:j.db", retention = 60, timeout = 90 }, 1, true)
    assert.are.equal("", said { queue = "sqlite:j.db", retention = 91, timeout = 90 })
  end)
end)
