-- What a message costs in a test: the same, however many there are. The queue in memory was scanned
-- for each message, and jobs were counted by looking at all of them: 4,000 messages cost sixteen
-- times as much each as 100. Counted are instructions of Lua's machine, not time.

local scheduler = require "watchbot.scheduler"
local testing = require "watchbot.testing"
local watchbot = require "watchbot"

local EACH, counted = 100, 0

local function tick() counted = counted + EACH end

-- A task has no hook of its creator.
local function hooked(start)
  return function(body, ...)
    return start(function(...)
      debug.sethook(tick, "", EACH)
      return body(...)
    end, ...)
  end
end

-- Instructions that `body` takes, in all its tasks.
local function instructions(body)
  local before = counted
  body()
  return counted - before
end

-- How much more a message costs among many than among few.
local function ratio(case)
  local function each(count)
    return instructions(function() case(count) end) / count
  end
  each(100) -- modules are loaded
  return each(3000) / each(300)
end

local function watched(fields)
  fields.command = "./render"
  return testing.watch(watchbot.policy(fields))
end

local cases = {
  ["one after the other"] = function(count)
    local w <close> = watched {}
    for _ = 1, count do
      w:message "x"
      w:exits(0)
    end
  end,
  ["that wait for a slot"] = function(count)
    local w <close> = watched {}
    local all = {}
    for index = 1, count do all[index] = w:message "x" end
    for index = 1, count do all[index]:exits(0) end
  end,
  ["that run at once"] = function(count)
    local w <close> = watched { workers = count }
    local all = {}
    for index = 1, count do all[index] = w:message "x" end
    for index = count, 1, -1 do all[index]:exits(0) end
  end,
  ["that back off"] = function(count)
    local w <close> = watched { workers = 10, max_receives = 2 }
    local all = {}
    for index = 1, count do
      all[index] = w:message "x"
      all[index]:exits(1)
    end
    w:advance(3600)
    for index = 1, count do
      if all[index]:state() == "running" then all[index]:exits(0) end
    end
  end,
  ["with a delay"] = function(count)
    local w <close> = watched { workers = count }
    for index = 1, count do w:message { "x", delay = 1 + index / 1000 } end
    w:advance(count / 1000 + 1)
  end,
  ["of groups"] = function(count)
    local w <close> = watched { queue = "https://sqs.eu-west-1.amazonaws.com/1/jobs.fifo" }
    for index = 1, count do
      w:message { "x", group = "g" .. index % 10 }
      w:exits(0)
    end
  end,
}

describe("a message in a test costs the same among many:", function()
  local run, spawn = scheduler.run, scheduler.spawn

  setup(function()
    scheduler.run, scheduler.spawn = hooked(run), hooked(spawn)
    debug.sethook(tick, "", EACH)
  end)

  teardown(function()
    scheduler.run, scheduler.spawn = run, spawn
    debug.sethook()
  end)

  for name, case in pairs(cases) do
    it("messages " .. name, function()
      local found = ratio(case)
      assert.is_true(found < 1.3, ("%.2f"):format(found))
    end)
  end
end)
