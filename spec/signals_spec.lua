-- Signals to the program, and code in it that does not want to end.

local process = require "watchbot.process"
local workshop = require "support.workshop"

local task, eventually = workshop.task, workshop.eventually

local function policy(folder, fields, rest)
  folder:write("policy.lua", ([[
    local policy = require "watchbot".policy { queue = %q, %s }
    %s
    return policy]]):format(folder:url(), fields, rest or ""))
  workshop.send(folder, { "1" })
end

local function running(folder, fields, rest)
  policy(folder, fields, rest)
  local child = workshop.start(folder, { "run", "policy.lua" })
  eventually(function() return folder:read "up" ~= "" end, "the handler runs")
  return child
end

-- A signal that is still pending swallows the next one.
local function two_terms(child)
  local TERM = 15
  child:kill "TERM"
  eventually(function()
    local file <close> = assert(io.open(("/proc/%d/status"):format(child:pid())))
    return tonumber(file:read "a":match "ShdPnd:%s*(%x+)", 16) & 1 << TERM - 1 == 0
  end, "the first signal is taken")
  workshop.scheduler.sleep(0.1)
  child:kill "TERM"
end

local UP = [[local file = io.open("up", "w") file:write "up" file:close()]]

describe("two TERMs", function()
  local loops = {
    ["a handler that catches every error"] =
      "repeat local ok = pcall(function() while true do end end) until ok",
    ["a loop in a coroutine of a handler"] = "coroutine.wrap(function() while true do end end)()",
    ["waits that are caught"] = "while true do pcall(require 'watchbot.scheduler'.sleep, 60) end",
  }
  for name, loop in pairs(loops) do
    it("end " .. name .. ", and its message goes back uncounted", task(function(folder)
      local child = running(folder, ("handler = function() %s; %s end,"):format(UP, loop))
      two_terms(child)
      local exit = assert(child:wait(workshop.PATIENCE))
      local log, errors = child:output()
      assert.are.equal(0, exit.code, errors)
      assert.is_nil(log:find('"outcome":"complete"', 1, true))
      folder:write("next.lua",
        ("return require 'watchbot'.policy { queue = %q, handler = function() end }")
        :format(folder:url()))
      assert.matches('"receives":1',
        select(2, workshop.run(folder, { "run", "--drain", "next.lua" })), 1, true)
    end))
  end

  it("end a loop in a hook", task(function(folder)
    local child = running(folder, "command = 'exit 0',",
      ("function policy:verdict() %s; while true do pcall(function() while true do end end) end "
        .. "end"):format(UP))
    two_terms(child)
    assert.are.equal(0, assert(child:wait(workshop.PATIENCE)).code)
    assert.matches("interrupted", (child:output()))
  end))

  -- Lua calls no hook in there: only the watchdog ends it.
  it("end the program where a C function computes, after the drain and the grace",
    task(function(folder)
    local child = running(folder, "drain = 6, kill_grace = 0.5, handler = function() "
      .. UP .. "; ('a'):rep(40):find(('a?'):rep(40) .. ('a'):rep(40) .. 'b') end,")
    two_terms(child)
    assert.are.equal(143, assert(child:wait(workshop.PATIENCE)).code)
    assert.matches("does not return after the second signal", select(2, child:output()))
  end))
end)

describe("os.exit", function()
  -- The watcher ended silently with that status.
  it("raises in a handler, in its coroutines and in a hook", task(function(folder)
    policy(folder, "max_receives = 1, handler = function() coroutine.wrap(os.exit)(0) end,",
      "function policy:verdict(job, exit) os.exit(7) end function policy:backoff() return 0 end")
    local exit, log = workshop.run(folder, { "run", "--drain", "policy.lua" })
    assert.are.equal(0, exit.code)
    assert.matches("os.exit: a handler or a hook cannot end the program", log, 1, true)
    assert.matches('"event":"stopped"', log, 1, true)
  end))
end)

describe("SIGHUP", function()
  it("reads the modules of the policy again, too", task(function(folder)
    folder:write("settings.lua", "return 'first'")
    policy(folder, "handler = function() end,", [[
      local settings = require "settings"
      function policy:verdict() require "watchbot".log = nil
        local file = io.open("settings", "a") file:write(settings, "\n") file:close()
        return "complete" end]])
    local child = workshop.start(folder, { "run", "policy.lua" })
    eventually(function() return #folder:lines "settings" == 1 end, "the first policy decides")
    folder:write("settings.lua", "return 'second'")
    child:kill "HUP"
    eventually(function() return (child:output()):find "policy reloaded" end, "it is reloaded")
    workshop.send(folder, { "2" })
    eventually(function() return #folder:lines "settings" == 2 end, "the second policy decides")
    assert.are.same({ "first", "second" }, folder:lines "settings")
    child:kill "TERM"
    assert.are.equal(0, child:wait(workshop.PATIENCE).code)
  end))

  it("ends a watcher that has no policy file", task(function(folder)
    local child = workshop.start(folder, { "run", "--queue", folder:url(), "--", "true" })
    eventually(function() return (child:output()):find "watching" end, "it watches")
    child:kill "HUP"
    assert.are.equal(0, child:wait(workshop.PATIENCE).code)
  end))

  local can = os.execute "command -v script >/dev/null"

  -- The watcher of a terminal that was closed lived on, unseen.
  it("of a terminal that is closed drains, once", task(function(folder)
    if not can then return pending "there is no script(1) to make a terminal" end
    policy(folder, "drain = 60, command = 'echo up > up; sleep 1; echo done > done',")
    folder:write("go.sh", "#!/bin/sh\nexec " .. workshop.program .. " run policy.lua > log 2>&1\n")
    local child = assert(process.start {
      argv = { "script", "-qec", "./go.sh; true", "/dev/null" }, cwd = folder.path,
      output = "capture",
    })
    eventually(function() return folder:read "up" ~= "" end, "the task runs")
    child:kill "KILL" -- script(1) holds the other end of the terminal
    eventually(function() return folder:read "log":find '"event":"stopped","complete":1' end,
      "it has drained")
  end))
end)

describe("the program's environment", function()
  it("cannot be read by a task of the same user", task(function(folder)
    if not workshop.has_other_user() then return pending "no other user may run a program here" end
    assert(os.execute(("chmod 777 '%s'"):format(folder.path)))
    policy(folder, "command = 'cat /proc/$PPID/environ > out 2> err; exit 0',")
    assert(os.execute(("chmod 666 '%s'/jobs.db*"):format(folder.path)))
    local child = assert(process.start {
      argv = { "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", workshop.program,
      "run", "--drain",
        "policy.lua" }, cwd = folder.path, output = "capture",
    })
    assert.are.equal(0, child:wait(workshop.PATIENCE).code, (child:output()))
    if workshop.build:find "sanitize" then return end
    assert.are.equal("", folder:read "out")
    assert.matches("ermission denied", folder:read "err")
  end))
end)
