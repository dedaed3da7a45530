-- PagerDuty is a real server here: it writes each event to a file, and answers as the test asks.
local cjson = require "cjson"
local server = require "support.server"
local shell = require "support.shell"
local testing = require "watchbot.testing"
local workshop = require "support.workshop"

local HERE = "doc/examples/pagerduty/"

-- Runs one message with this worker; the events that PagerDuty got, and the log.
local function run(folder, worker, status)
  assert(os.execute(("cp %s* %s"):format(HERE, shell.quote(folder.path))))
  folder:write("worker.sh", "#!/bin/sh\n" .. worker .. "\n")
  local pagerduty = server.start("python3", "spec/support/posts.py", folder:file "events", status)
  local environment = {
    QueueUrl = false, NotificationTopic = false, PAGERDUTY_ROUTING_KEY = ("k"):rep(32),
    PAGERDUTY_URL = pagerduty.url .. "/v2/enqueue",
  }
  workshop.run(folder, { "send", "--queue", "sqlite:jobs.db", "tile" }, environment)
  local exit, log = workshop.run(folder, { "run", "--drain", "policy.lua" }, environment)
  pagerduty:close()
  assert.are.equal(0, exit.code, log)
  local events = {}
  for _, line in ipairs(folder:lines "events") do events[#events + 1] = cjson.decode(line) end
  return events, log
end

describe("the example pagerduty", function()
  it("triggers an alert for what is rejected", workshop.task(function(folder)
    local events, log = run(folder, "echo no such tile; exit 3", 202)
    assert.are.equal(1, #events, log)
    local event = events[1]
    assert.are.same({ "trigger", ("k"):rep(32), "error" },
      { event.event_action, event.routing_key, event.payload.severity })
    assert.matches("no such tile", event.payload.custom_details.log, 1, true)
    assert.is_true(#event.dedup_key > 0 and #event.payload.source > 0)
  end))

  it("logs an event that PagerDuty refuses, and does not hold up the message", workshop.task(
    function(folder)
      local events, log = run(folder, "exit 3", 400)
      assert.are.equal(1, #events)
      assert.matches("could not send to PagerDuty: PagerDuty answers 400", log, 1, true)
      assert.matches('"reject":1', log, 1, true)
    end))

  it("resolves the alert when a retry completes", function()
    local getenv, actions = os.getenv, {}
    os.getenv = function(name) -- luacheck: ignore 122
      return name == "PAGERDUTY_ROUTING_KEY" and "key" or getenv(name)
    end
    local w <close> = testing.watch(HERE .. "policy.lua")
    os.getenv = getenv -- luacheck: ignore 122
    w:answer("http:request", function(request)
      local event = cjson.decode(request.body)
      actions[#actions + 1] = event.event_action .. " " .. event.dedup_key
      return { status = 202, headers = {}, body = "" }
    end)
    local first = w:message "tile"
    w:exits(1)
    w:advance(w:backoff())
    w:exits(0)
    local id = actions[1]:match "^trigger (.+)$"
    assert.are.same({ "trigger " .. id, "resolve " .. id }, actions)
    assert.are.equal("complete", first:outcome())
  end)

  it("sends nothing without a key", function()
    local w <close> = testing.watch(HERE .. "policy.lua")
    w:message "x"
    w:exits(3)
    assert.are.same({}, w:calls())
  end)
end)
