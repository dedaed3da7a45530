local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local task = workshop.task

-- The bodies in a queue, with how often each is there.
local function bodies(folder, name)
  local script = ([[
    local queue = assert(require("watchbot.queue").open(%q))
    local rows = queue.reader:all "SELECT body FROM contents"
    for _, row in ipairs(rows or {}) do print(row.body) end]]):format(folder:url(name))
  folder:write("bodies.lua", "local scheduler = require 'watchbot.scheduler'\n"
    .. "scheduler.run(function()\n" .. script .. "\nend)")
  local shell = require "support.shell"
  local found = {}
  for line in shell.run(shell.lua(folder:file "bodies.lua")):gmatch "[^\n]+" do
    found[line] = (found[line] or 0) + 1
  end
  return found
end

describe("watchbot move", function()
  -- Killed at any moment: each message is in one queue, or, for a moment, in both.
  it("loses nothing when it is killed", task(function(folder)
    local lines = {}
    for index = 1, 2000 do lines[index] = "m" .. index end
    workshop.send(folder, lines)
    local arguments = { "move", "--from", folder:url(), "--to", folder:url "to.db" }
    for _ = 1, 15 do
      local move = workshop.start(folder, arguments)
      scheduler.sleep(0.02 + math.random() * 0.1)
      move:kill "KILL"
      move:wait()
    end
    local before, after = bodies(folder, "jobs.db"), bodies(folder, "to.db")
    for index = 1, 2000 do
      local body = "m" .. index
      assert.is_true((before[body] or 0) + (after[body] or 0) >= 1, body)
      assert.is_true((after[body] or 0) <= 1, body)
    end
  end))

  it("says what it moved, and ends with 1 when something stays", task(function(folder)
    workshop.send(folder, { "a", "b" })
    local exit, out = workshop.run(folder,
      { "move", "--from", folder:url(), "--to", folder:url "to.db" })
    assert.are.same({ 0, "2 moved, 0 failed\n" }, { exit.code, out })
    exit, out = workshop.run(folder, { "move", "--from", folder:url(), "--to", folder:url "to.db" })
    assert.are.same({ 0, "0 moved, 0 failed\n" }, { exit.code, out })
  end))

  for _, case in ipairs {
    { {}, "no queue: give %-%-from URL" }, { { "--from", "sqlite:a.db" }, "no queue: give %-%-to" },
    { { "--from", "sqlite:a.db", "--to", "sqlite:b.db", "more" }, "expected %-%-from URL" },
    { { "--from", "sqlite:a.db", "--to", "sqlite:b.db", "--rate", "0" },
      "expected a number above 0" },
    { { "--from", "sqlite:jobs.db", "--to", "sqlite:jobs.db" }, "both queues are the same one" },
    { { "--from", "sqs:x", "--to", "sqlite:jobs.db" }, "queue 'sqs:x': expected" },
  } do
    it("refuses: " .. table.concat(case[1], " "), task(function(folder)
      workshop.send(folder, { "a" })
      local exit, _, problem = workshop.run(folder, { "move", table.unpack(case[1]) })
      assert.are.equal(2, exit.code, problem)
      assert.matches(case[2], problem)
    end))
  end

  it("does not create the first queue", task(function(folder)
    local exit, _, problem = workshop.run(folder,
      { "move", "--from", "sqlite:none.db", "--to", folder:url() })
    assert.are.equal(1, exit.code)
    assert.matches("none.db", problem)
    assert.are.equal("", folder:read "none.db")
  end))
end)
