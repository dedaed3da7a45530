-- Every task that runs as long as the watcher does, made to raise once: each was gone until a
-- restart.

local policy = require "watchbot.policy"
local schedules = require "watchbot.watcher.schedules"
local open_stage = require("watchbot.testing.stage").open

describe("a task of the watcher", function()
  local made
  after_each(function() made:close() end)

  local function stage()
    made = open_stage(policy {
      queue = "sqlite:jobs.db", command = "true", status = 60,
      schedules = { hourly = { every = "1h" } },
    }, {})
    return made.watcher
  end

  -- The name of the task, and what it calls again and again.
  local tasks = {
    { "heartbeats", function(watcher) return watcher.leases, "beat" end },
    { "polls", function(watcher) return watcher.intake, "turn" end },
    { "status", function(watcher) return watcher.runner, "status" end },
    { "pauses", function(watcher) return watcher.pauses, "look" end },
    { "schedules", function(watcher)
      watcher.queue.tick = function() return { sent = {}, skipped = false } end
      watcher.scheduling = schedules.attend(watcher)
      return watcher.scheduling, "look"
    end },
  }

  for _, one in ipairs(tasks) do
    it(("is logged and starts again when it raises: %s"):format(one[1]), function()
      if one[1] == "status" then
        -- Only runners of tasks elsewhere have a status.
        local new = require "watchbot.testing.runner".new
        require "watchbot.testing.runner".new = function(...)
          local runner = new(...)
          runner.status = function() return 0 end
          return runner
        end
        stage()
        require "watchbot.testing.runner".new = new
      else
        stage()
      end
      local object, name = one[2](made.watcher)
      local real, calls = object[name], 0
      object[name] = function(...)
        calls = calls + 1
        if calls == 1 then error "planted" end
        return real(...)
      end
      made:advance(600)
      assert.is_true(calls > 1, one[1])
      local log = table.concat(made.witness.lines, "\n")
      assert.matches(('planted.*"where":"%s"'):format(one[1]), log)
      made:drive(function() made.queue:send { { body = "a" } } end)
      assert.are.equal(1, made.watcher.jobs.slots)
    end)
  end

  -- Polls that raise each time, also while the watcher ends, were started again forever: on the
  -- clock of watchbot.testing and of simulate, which leaps over pauses, that took all of a core.
  it("lets the watcher end although it raises each time", function()
    local watcher = stage()
    watcher.intake.turn = function() error "planted" end
    watcher.intake.run = function() error "planted again" end
    watcher.intake:wake()
    made:advance(600)
    local before = made:now()
    made:stop()
    assert.are.equal(0, made:now() - before)
    assert.is_true(made.watching:ended())
    assert.matches("planted again", table.concat(made.witness.lines, "\n"), 1, true)
  end)

  it("is in this list", function()
    -- spec/watcher/protection_spec.lua, spec/watcher/keeper_spec.lua
    local text, known = "", { protection = true, keeper = true }
    for _, name in ipairs { "init", "protect" } do
      local file <close> = assert(io.open(("lua/watchbot/watcher/%s.lua"):format(name)))
      text = text .. file:read "a"
    end
    for _, one in ipairs(tasks) do known[one[1]] = true end
    local count = 0
    for name in text:gmatch ':supervise%("([^"]+)"' do
      assert.is_true(known[name], name)
      count = count + 1
    end
    assert.are.equal(#tasks + 1, count)
  end)
end)
