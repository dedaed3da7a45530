-- Whether a queue answers: by its newest answer of any kind.
local readiness = require "watchbot.watcher.readiness"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local URL = "https://sqs.eu-west-1.amazonaws.com/1/jobs"

local function intake_of(more)
  local intake = { pause = 0, polls = 1 }
  for name, value in pairs(more or {}) do intake[name] = value end
  return intake
end

describe("readiness", function()
  it("needs an answer, no failed receive, and none that hangs", function()
    local intake = intake_of()
    local one = readiness.new(URL, intake)
    assert.is_nil(one:answered())
    assert.are.same({ false, "the queue has not answered yet" }, { one:is_ready() })
    intake.answered = scheduler.boottime()
    assert.is_true(one:is_ready())
    intake.pause = 2
    assert.are.same({ false, "the last receive has failed" }, { one:is_ready() })
    intake.pause, intake.answered = 0, scheduler.boottime() - 61
    assert.are.same({ false, "the queue has not answered for 61 s" }, { one:is_ready() })
    intake.polls = 0
    assert.is_true(one:is_ready())
  end)

  -- The alarm of a template counts these lines: each minute has one.
  it("is remarked on when it has been missing for a while, each minute, and when it is back",
    function()
    local intake = intake_of { answered = scheduler.boottime() }
    local one = readiness.new(URL, intake)
    local function remarks(from, to)
      local events = {}
      for now = from, to, 10 do
        local event, why, seconds = one:remark(now)
        if event then events[#events + 1] = ("%d %s %s %d"):format(now, event, why, seconds) end
      end
      return events
    end
    assert.are.same({}, remarks(1000, 1100))
    intake.pause = 1
    assert.are.same({}, remarks(1110, 1130))
    intake.pause = 0
    assert.are.same({}, remarks(1140, 1150))
    intake.pause = 1
    local why = "not ready the last receive has failed"
    assert.are.same({ "1190 " .. why .. " 30", "1240 " .. why .. " 80", "1290 " .. why .. " 130" },
      remarks(1160, 1330))
    intake.pause = 0
    assert.are.same({ "1340 ready nil 180" }, remarks(1340, 1400))
  end)

  -- A watcher whose slots are full asks for no messages, but its heartbeats are answered.
  it("knows the newest answer of all that asks the queue", function()
    local now = scheduler.boottime()
    local settle, other = { answered = now - 5 }, {}
    local one = readiness.new(URL, intake_of { answered = now - 90 }, { settle })
    one:hear(other)
    assert.are.equal(now - 5, one:answered())
    other.answered = now - 1
    assert.are.equal(now - 1, one:answered())
    assert.is_true(one:is_ready())
  end)

  -- All slots busy, nothing polls: what fails then is a heartbeat.
  it("is lost when a heartbeat has failed, until anything is answered", function()
    local now = scheduler.boottime()
    local settle = { answered = now - 9, unanswered = now - 5 }
    local one = readiness.new(URL, intake_of { answered = now - 90, polls = 0 }, { settle })
    assert.are.same({ false, "the queue did not answer" }, { one:is_ready() })
    settle.answered = now - 2
    assert.is_true(one:is_ready())
  end)

  it("is lost with the file of an embedded queue", workshop.task(function(folder)
    folder:write("jobs.db", "")
    local one = readiness.new(folder:url(), intake_of { answered = scheduler.boottime() })
    assert.is_true(one:is_ready())
    os.rename(folder:file "jobs.db", folder:file "other.db")
    assert.are.same({ false, "the queue's file was deleted or replaced" }, { one:is_ready() })
    folder:write("jobs.db", "")
    assert.is_false(one:is_ready())
  end))
end)
