-- In a fleet it was not visible which watchers ran the new policy.

local identity = require "watchbot.policy.identity"
local policy = require "watchbot.policy"
local workshop = require "support.workshop"

local eventually, task = workshop.eventually, workshop.task

local POLICY = [[
  local settings = require "settings"
  return require "watchbot".policy { command = "true", version = settings.version, %s }]]

local function last(log, member)
  local found
  for value in log:gmatch('"' .. member .. '":"([^"]*)"') do found = value end
  return found
end

describe("the version of a policy", function()
  it("is its field, a digest of its files, or both", task(function(folder)
    local path = folder:write("policy.lua", "return 1")
    local plain, named = policy { command = "true" }, policy {
      command = "true", version = "2.1.0",
    }
    assert.is_nil(identity.of(plain))
    assert.are.equal("2.1.0", identity.of(named))
    identity.note(plain, { path })
    identity.note(named, { path })
    local digest = identity.of(plain)
    assert.matches("^%x%x%x%x%x%x%x%x%x%x%x%x$", digest)
    assert.are.equal("2.1.0@" .. digest, identity.of(named))
    folder:write("policy.lua", "return 2")
    identity.note(plain, { path })
    assert.are_not.equal(digest, identity.of(plain))
    -- What is moved from one file to the next is another policy.
    local one, two = folder:write("a.lua", "ab"), folder:write("b.lua", "c")
    identity.note(plain, { one, two })
    digest = identity.of(plain)
    folder:write("a.lua", "a")
    folder:write("b.lua", "bc")
    identity.note(plain, { one, two })
    assert.are_not.equal(digest, identity.of(plain))
  end))

  local function start(folder, more)
    folder:write("settings.lua", "return { version = '1' }")
    folder:write("policy.lua", POLICY:format(more or ""))
    local child = workshop.start(folder, { "run", "--queue", folder:url(), "policy.lua" })
    eventually(function() return (child:output()):find "watching" end, "it watches")
    return child
  end

  local function stop(child)
    child:kill "TERM"
    assert.are.equal(0, child:wait(workshop.PATIENCE).code)
  end

  it("is in the first line of the log, and in the answer to SIGHUP", task(function(folder)
    local child = start(folder)
    local first = last(child:output(), "policy")
    assert.matches("^1@%x+$", first)
    folder:write("settings.lua", "return { version = '2' }")
    child:kill "HUP"
    eventually(function() return (child:output()):find "policy reloaded" end, "it is reloaded")
    local log = child:output()
    assert.matches("^2@%x+$", last(log, "policy"))
    assert.are.equal(first, last(log, "before"))
    local second = last(log, "policy")
    folder:write("policy.lua", "return 7")
    child:kill "HUP"
    eventually(function() return (child:output()):find "was not reloaded" end, "it is refused")
    assert.are.equal(second, last(child:output(), "policy"))
    stop(child)
  end))

  -- A change of a module of the policy is another version, although its file is the same.
  it("changes with a module, and is the same for the same files", task(function(folder)
    local one = start(folder)
    local two = start(folder)
    assert.are.equal(last(one:output(), "policy"), last(two:output(), "policy"))
    folder:write("settings.lua", "return { version = '1' } -- a change")
    one:kill "HUP"
    eventually(function() return (one:output()):find "policy reloaded" end, "it is reloaded")
    assert.are_not.equal(last(one:output(), "policy"), last(two:output(), "policy"))
    stop(one)
    stop(two)
  end))

  it("is a label of the metrics, the new one after a reload", task(function(folder)
    local socket = folder:file "metrics.sock"
    local child = start(folder, ("listen = %q"):format(socket))
    local function metrics()
      local out = require "support.shell".run(
        ("curl -sS --unix-socket %s http://localhost/metrics"):format(socket))
      return out:match 'watchbot_policy_info{policy="([^"]*)"} 1'
    end
    assert.matches("^1@", eventually(metrics, "metrics"))
    folder:write("settings.lua", "return { version = '2' }")
    child:kill "HUP"
    eventually(function() return tostring(metrics()):find "^2@" end, "the new version")
    stop(child)
  end))
end)
