-- How the queue's own counts are asked for: seldom, and never waited for long. The queues here are
-- stand-ins that answer late or not at all, which a real one cannot be made to do at will.
local backlog = require "watchbot.metrics.backlog"
local leaping = require "support.leaping"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local function queue_of(counts)
  local queue = { embedded = true, asked = 0 }
  function queue:counts()
    self.asked = self.asked + 1
    return counts(self.asked)
  end
  return queue
end

describe("the backlog", function()
  it("is asked for at most every ten seconds", leaping.task(function()
    local queue = queue_of(function(asked)
      return { visible = asked, delayed = 0, in_flight = 0 }
    end)
    local one = backlog.new(queue)
    for _ = 1, 5 do assert.are.equal(1, one:read().visible) end
    scheduler.sleep(9)
    assert.are.equal(1, one:read().visible)
    scheduler.sleep(2)
    assert.are.equal(2, one:read().visible)
    assert.are.equal(2, queue.asked)
  end))

  -- A scrape has ten seconds, and all other metrics are there at once.
  it("holds nobody up while the queue does not answer, and is asked for once",
    leaping.task(function()
    local queue = queue_of(function(asked)
      if asked > 1 then scheduler.sleep(1000) end
      return { visible = 7, delayed = 0, in_flight = 0 }
    end)
    local one = backlog.new(queue)
    assert.are.equal(7, one:read().visible)
    local started = scheduler.now()
    for _ = 1, 4 do
      scheduler.sleep(11)
      local before = scheduler.now()
      assert.are.equal(7, one:read().visible)
      assert.is_true(scheduler.now() - before < 1.1)
    end
    scheduler.sleep(13)
    assert.is_nil(one:read(), "what was true a minute ago is no news")
    assert.is_true(scheduler.now() - started < 80)
    assert.are.equal(2, queue.asked)
    one:close()
  end))

  it("is not there while the queue fails or raises, and comes back", leaping.task(function()
    local queue = queue_of(function(asked)
      if asked == 1 then return nil, "no", "Busy" end
      if asked == 2 then error "planted" end
      return { visible = 1, delayed = 2, in_flight = 3, dead = 4 }
    end)
    local one = backlog.new(queue)
    assert.is_nil(one:read())
    assert.is_nil(one.answered)
    scheduler.sleep(10)
    assert.is_nil(one:read())
    scheduler.sleep(10)
    assert.are.same({ visible = 1, delayed = 2, in_flight = 3, dead = 4 }, one:read())
    assert.are.equal(scheduler.boottime(), one.answered)
  end))

  it("has the age of the oldest message of an embedded queue", workshop.task(function(folder)
    local queue <close> = assert(require "watchbot.queue".open(folder:url()))
    local one = backlog.new(queue)
    assert.is_nil(one:read().oldest)
    assert(queue:send { { body = "a" }, { body = "b", delay = 60 } })
    local other = backlog.new(queue)
    local counts = other:read()
    assert.are.same({ 1, 1, 0, 0 },
      { counts.visible, counts.delayed, counts.in_flight, counts.dead })
    assert.is_true(counts.oldest >= 0 and counts.oldest < 60)
  end))
end)
