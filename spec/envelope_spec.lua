-- The field `envelope`: what tasks, hooks and handlers see of another service's event.

local json = require "watchbot.lib.json"
local workshop = require "support.workshop"

local task = workshop.task

local function notification(key, more)
  local record = { eventSource = "aws:s3", eventName = "ObjectCreated:Put",
    s3 = { bucket = { name = "photos" }, object = { key = key, versionId = "v1" } } }
  return json.encode { Records = json.list { record, more } }
end

local TEST = json.encode {
  Service = "Amazon S3", Event = "s3:TestEvent", Time = "2014-10-13T15:57:02.089Z",
  Bucket = "photos",
}

local function run(folder, policy, ...)
  folder:write("policy.lua", ("local watchbot = require 'watchbot'\n" .. policy):format(
    folder:url()))
  workshop.send(folder, { ... })
  local exit, log = workshop.run(folder, { "run", "--drain", "policy.lua" })
  assert.are.equal(0, exit.code, log)
  return log
end

local COMMAND = [[
return watchbot.policy { queue = %q, envelope = "auto", env = { Source = "policy" },
  command = 'echo "$Bucket|$Key|$VersionId|$EventName|$Source|$DetailType" >> done' }]]

describe("the field envelope", function()
  it("gives tasks variables, never over the policy's", task(function(folder)
    run(folder, COMMAND, notification "my+photo%21.jpg", "plain")
    local lines = folder:lines "done"
    table.sort(lines)
    assert.are.same({ "photos|my photo!.jpg|v1|ObjectCreated:Put|policy|", "||||policy|" }, lines)
  end))

  it("completes S3's test of a notification with one line, and no run", task(function(folder)
    local log = run(folder, COMMAND, TEST)
    assert.are.equal("", folder:read "done")
    local _, count = log:gsub('"event":"S3 tests its notifications","bucket":"photos"', "")
    assert.are.equal(1, count)
    assert.matches('"complete":1', log)
    local _, counts = workshop.run(folder, { "status", "--queue", folder:url(), "--json" })
    assert.matches('"visible":0', counts)
  end))

  it("gives hooks and handlers the event, with all of its records", task(function(folder)
    local log = run(folder, [[
      local policy = watchbot.policy { queue = %q, envelope = "s3",
        handler = function(job)
          for _, record in ipairs(job.event.records) do print("key", record.key) end
        end }
      function policy:admit(job) return job.event and true or "reject" end
      return policy]], notification("a", { eventSource = "aws:s3",
        s3 = { bucket = { name = "photos" }, object = { key = "b" } } }), "no event")
    assert.matches("key\ta\n", log)
    assert.matches("key\tb\n", log)
    assert.matches('"complete":1,"reject":1', log)
  end))

  -- The message's body is what it was with ecs-watchbot, unless the policy asks.
  it("is nothing by default", task(function(folder)
    run(folder, [[
      return watchbot.policy { queue = %q, command = 'echo "$Bucket$Key" >> done' }]],
      notification "a", TEST)
    assert.are.same({}, folder:lines "done")
    assert.are.equal("\n\n", folder:read "done")
  end))

  it("is one of four words", task(function(folder)
    folder:write("policy.lua", [[
      return require "watchbot".policy { queue = "sqlite:q.db", command = "true",
        envelope = "sns" }]])
    local exit, _, problem = workshop.run(folder, { "check", "policy.lua" })
    assert.are.equal(2, exit.code)
    assert.matches("'envelope': expected one of 's3', 'eventbridge', 'cloudevents', 'auto'",
      problem)
  end))
end)
