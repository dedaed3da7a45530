-- Whose fault the end of an attempt is: an operator's or a machine's trouble was charged to the
-- message (FAULTS A).

local blame = require "watchbot.watcher.blame"

local fixed = { command = { "./resize", "--fast" } }

local function cause(exit, policy) return blame.cause(exit, policy or fixed) end

describe("the cause of an attempt's end", function()
  it("is the job, where its task has ended by itself", function()
    for _, exit in ipairs {
      { code = 0, duration = 0 }, { code = 1, duration = 3 }, { signal = "KILL", duration = 3 },
      { code = 127, duration = 5 }, { code = 126, duration = 0, elsewhere = true },
    } do
      assert.are.equal("ended", cause(exit))
    end
    assert.are.equal("timed_out", cause { signal = "TERM", timed_out = true, duration = 9 })
  end)

  it("is the policy, where its program cannot be started", function()
    assert.are.equal("not_started", cause { not_started = true, error = "ENOENT" })
    assert.are.equal("not_started", cause { code = 127, duration = 0.01 })
    assert.are.equal("not_started",
      cause({ code = 126, duration = 0 }, { command = "./resize.sh" }))
  end)

  it("may be the message, where it names the program, or is too long for it", function()
    local exit = { code = 127, duration = 0 }
    for _, command in ipairs {
      "$Message", [["$Message" --fast]], "eval ${Message}", "exec $Subject", "cd x && $Message; y",
      { "sh", "-c", "$Message" }, function() return "x" end,
    } do
      assert.are.equal("not_started_by_message", cause(exit, { command = command }))
    end
    assert.are.equal("not_started", cause(exit, { command = "$MessageTool" }))
    for _, code in ipairs {
      "E2BIG", "ENAMETOOLONG", "CommandFailed", "TaskFailed", "EnvironmentTooBig", "InvalidText",
    } do
      assert.are.equal("not_started_by_message", cause { not_started = true, error = code })
    end
  end)

  it("is neither, where there is no room, the machine went away, or the watcher ends", function()
    assert.are.equal("no_room", cause { unplaced = true, error = "NoRoom" })
    assert.are.equal("interrupted", cause { blameless = true, code = 1 })
    -- An image that could not be pulled counted as a machine that went away: no breaker opened.
    assert.are.equal("not_started", cause { blameless = true, not_started = true })
    assert.are.equal("stopped", cause { stopped = true, code = 0 })
    assert.are.equal("left", cause { left = true, stopped = true })
  end)

  it("is the size of the message", function()
    assert.are.equal("too_big", cause { too_big = true, error = "TooBig" })
  end)
end)

describe("the table of causes", function()
  local faults = { job = true, either = true, policy = true, machine = true, service = true }

  it("says for each whose fault it is, and counts no receive for what is not the job's", function()
    for name, rule in pairs(blame.causes) do
      assert.is_true(faults[rule.fault], name)
      local innocent = rule.fault ~= "job" and rule.fault ~= "either"
      if innocent and rule.outcome ~= "lapsed" then assert.is_true(rule.uncounted, name) end
      if rule.fault == "machine" then assert.is_true(rule.silent, name) end
    end
  end)

  it("is asked for causes that it has", function()
    assert.has_error(function() blame.of "weather" end, "no such cause: 'weather'")
  end)

  -- doc/architecture.md shows it.
  it("stands in the documentation", function()
    local file <close> = io.open "doc/architecture.md"
    if not file then return pending "doc/architecture.md is not written yet" end
    local page = file:read "a"
    for name, rule in pairs(blame.causes) do
      assert.matches(("| `%s` | %s |"):format(name, rule.fault), page, 1, true)
    end
  end)
end)
