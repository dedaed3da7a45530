-- What a drain owes to messages: none is kept that has not started, and none pays for it.

local policy = require "watchbot.policy"
local scheduler = require "watchbot.scheduler"
local open_stage = require("watchbot.testing.stage").open

local function stage(more)
  local fields = { queue = "sqlite:jobs.db", command = "true", workers = 1, drain = 60 }
  for name, value in pairs(more or {}) do fields[name] = value end
  return open_stage(policy(fields), {})
end

-- Messages that the watcher has, although they have no slot.
local function hand(made, count)
  made:drive(function()
    for index = 1, count do made.queue:send { { body = "m" .. index } } end
  end)
  made:drive(function()
    for _, item in ipairs(made.queue.items) do
      if not item.in_flight then made.watcher.life:accept(made.queue:hand(item, 120)) end
    end
  end)
end

describe("a drain", function()
  local made
  after_each(function() made:close() end)

  -- Planted: messages that waited for a slot were not given back, and receives were spent, with no
  -- spec that saw it.
  it("gives back at once what waits for a slot, and counts no receive for it", function()
    made = stage()
    hand(made, 4)
    assert.are.same({ 1, 3 }, { made.watcher.jobs.slots, made.watcher.jobs:waiting() })
    made:drive(function() made.watcher:stop() end)
    assert.are.equal(0, made.watcher.jobs:waiting())
    local visible = 0
    for _, item in ipairs(made.queue.items) do
      if not item.in_flight then
        visible = visible + 1
        assert.are.equal(0, item.receives)
      end
    end
    assert.are.equal(3, visible)
    assert.are.equal(1, made.watcher.jobs.slots)
  end)

  it("gives back at once what arrives meanwhile, and counts no receive for it", function()
    made = stage()
    hand(made, 1)
    made:drive(function() made.watcher:stop() end)
    assert.are.equal(0, made.watcher:capacity())
    made:drive(function() made.queue:send { { body = "late" } } end)
    made:drive(function()
      made.watcher.life:accept(made.queue:hand(made.queue.items[2], 120))
    end)
    assert.are.equal(0, made.queue.items[2].receives)
    assert.is_false(made.queue.items[2].in_flight)
  end)

  -- A message stayed in flight until its visibility timeout: the watcher ended before its hook.
  it("gives back what a hook has not decided on by the end", function()
    for _, name in ipairs { "admit", "environment" } do
      local one = policy {
        queue = "sqlite:jobs.db", command = "true", drain = 1, kill_grace = 1, max_receives = 3,
      }
      one[name] = function() scheduler.sleep(1000) end
      if made then made:close() end
      made = open_stage(one, {})
      made:drive(function()
        made.queue:send { { body = "a" } }
        scheduler.sleep(1)
        assert.are.equal(1, #made.watcher.jobs:all "deciding")
        made.watcher:stop()
        made.watching:join()
      end)
      local item = made.queue.items[1]
      assert.are.same({ false, 0 }, { item.in_flight, item.receives }, name)
    end
  end)

  it("gives back what is held", function()
    local one = policy { queue = "sqlite:jobs.db", command = "true", drain = 60 }
    function one:admit() return "hold", 3600 end
    made = open_stage(one, {})
    made:drive(function() made.queue:send { { body = "a" } } end)
    assert.are.equal(1, made.watcher.jobs.counts.held)
    made:stop()
    assert.are.equal(0, made.queue.items[1].receives)
    assert.is_true(made.watcher.jobs:none())
  end)

  it("takes no message any more", function()
    made = stage { workers = 5 }
    hand(made, 1)
    made:drive(function() made.watcher:stop() end)
    made:drive(function() made.queue:send { { body = "late" } } end)
    assert.are.equal(0, made.queue.items[2].receives)
    assert.are.equal(0, made.watcher:free())
  end)

  -- What raised at the end kept the queue open, and its messages in flight.
  for _, point in ipairs {
    { "notices", "flush" }, { "tally", "log" }, { "intake", "cut" }, { "queue", "api_calls" },
  } do
    it(("closes the queue when this raises: %s.%s"):format(point[1], point[2]), function()
      made = stage()
      hand(made, 2)
      made.watcher[point[1]][point[2]] = function() error "planted" end
      made:stop()
      assert.is_true(made.queue.closed)
      assert.are.equal("ended", made.watcher.phase.name)
    end)
  end
end)
