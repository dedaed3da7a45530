-- A clock that jumped ahead, past the retention: all waiting messages were removed at once, unread,
-- and were still gone when the clock was right again a minute later.

local open = require "watchbot.queue".open
local scheduler = require "watchbot.scheduler"
local sqlite = require "watchbot.sqlite"
local workshop = require "support.workshop"

local DAY, HOUR = 86400 * 1000, 3600 * 1000

-- Opens the queue as a new process would, with the time that `wall` says.
local function with_clock(body)
  return workshop.task(function(folder)
    local real, offset = scheduler.time, 0
    local guard <close> = setmetatable({}, { -- luacheck: ignore 211
      __close = function() scheduler.time = real end,
    })
    scheduler.time = function() return real() + offset end
    local expired = 0
    local function opened()
      return assert(open(folder:url(), { retention = 86400, visibility = 30,
        on_expired = function(count) expired = expired + count end }))
    end
    body({
      folder = folder, open = opened,
      set = function(milliseconds) offset = milliseconds end,
      expired = function()
        scheduler.sleep(0)
        return expired
      end,
    })
  end)
end

local function bodies(queue)
  local all = {}
  for index, message in ipairs(assert(queue:receive(10, 0))) do all[index] = message.body end
  table.sort(all)
  return all
end

local function waiting(queue)
  local counts = assert(queue:counts())
  return counts.visible + counts.delayed
end

describe("a clock that jumps ahead", function()
  it("expires nothing at once, and the messages are there when it is set right",
    with_clock(function(at)
      local queue <close> = at.open()
      assert(queue:send { { body = "1" }, { body = "2", group = "g" },
        { body = "3", group = "g" } })
      at.set(400 * DAY)
      assert.are.same({}, bodies(queue))
      assert.are.equal(3, waiting(queue))
      at.set(0)
      assert.are.same({ "1", "2" }, bodies(queue))
      assert.are.equal(0, at.expired())
    end))

  it("is noticed by the next process, too, after a pause", with_clock(function(at)
    local before <close> = at.open()
    assert(before:send { { body = "1" } })
    before:close()
    at.set(400 * DAY)
    local queue <close> = at.open()
    assert.are.same({}, bodies(queue))
    queue:close()
    at.set(60000)
    local after <close> = at.open()
    assert.are.same({ "1" }, bodies(after))
  end))

  it("and stays so makes them expire after an hour, unread", with_clock(function(at)
    local queue <close> = at.open()
    assert(queue:send { { body = "1" } })
    at.set(2 * DAY)
    assert.are.same({}, bodies(queue))
    assert(queue:send { { body = "new" } })
    assert.are.same({ "new" }, bodies(queue))
    queue:close()
    local database <close> = assert(sqlite.open(at.folder:file "jobs.db"))
    for _, change in ipairs {
      "UPDATE state SET clock = clock - ?1, ahead = ahead - ?1",
      "UPDATE messages SET visible_at = visible_at - ?1 WHERE receives = 0",
    } do assert(database:run(change, HOUR)) end
    assert(database:run("UPDATE state SET clock = ?", scheduler.time()))
    local later <close> = at.open()
    assert.are.same({}, bodies(later))
    later:close()
    assert.are.equal(1, at.expired())
  end))

  -- Heartbeats of the machine's sleep: both clocks advance.
  it("is not seen where time has really passed", with_clock(function(at)
    local queue <close> = at.open()
    assert(queue:send { { body = "1" } })
    assert.are.same({ "1" }, bodies(queue))
    local boottime = scheduler.boottime
    local guard <close> = setmetatable({}, { -- luacheck: ignore 211
      __close = function() scheduler.boottime = boottime end,
    })
    scheduler.boottime = function() return boottime() + 2 * DAY / 1000 end
    at.set(2 * DAY)
    assert.are.same({}, bodies(queue))
    assert.are.equal(0, waiting(queue))
    queue:close()
    assert.are.equal(1, at.expired())
  end))
end)
