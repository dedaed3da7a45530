-- 40 workers under a limit of 20 processes logged a line for each held job at each of its tries:
-- thousands of lines that said the same.

local shortage = require "watchbot.watcher.shortage"

describe("a shortage", function()
  local now, lines, one

  before_each(function()
    now, lines = 1000, {}
    one = shortage.new(function() return now end)
  end)

  local function hold(reason, more)
    local journal = more or {}
    function journal.held(_, job, exit, seconds)
      lines[#lines + 1] = ("%s %s %g"):format(job.id, tostring(exit.reason), seconds)
    end
    one:log(journal, { job = { id = "m" .. #lines }, seconds = 2 }, { reason = reason })
  end

  it("is logged once, however many jobs are held and tried again", function()
    for _ = 1, 500 do hold "fork: resource temporarily unavailable" end
    assert.same({ "m0 fork: resource temporarily unavailable 2" }, lines)
  end)

  it("is logged once for each reason, in which IDs and numbers do not count", function()
    for index = 1, 50 do
      hold "RESOURCE:MEMORY"
      hold(("Capacity is unavailable (request 4e0f-%04x, try %d)"):format(index, index))
    end
    assert.equal(2, #lines)
    assert.matches("RESOURCE:MEMORY", lines[1])
    assert.matches("Capacity is unavailable", lines[2])
  end)

  it("is logged again after ten minutes", function()
    hold "no room"
    now = now + 599
    hold "no room"
    assert.equal(1, #lines)
    now = now + 1
    hold "no room"
    hold "no room"
    assert.equal(2, #lines)
  end)

  it("is logged for a job without a reason", function()
    hold(nil)
    assert.equal(1, #lines)
  end)

  it("is logged for each job in the format of ecs-watchbot, whose lines are counted", function()
    for _ = 1, 3 do hold("RESOURCE:CPU", { logs_each_held = true }) end
    assert.equal(3, #lines)
  end)
end)
