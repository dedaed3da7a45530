-- `watchbot pause` and `watchbot resume`, and who says that a queue is paused: on a file and on the
-- local SQS.

local cjson = require "cjson"
local cloud = require "support.cloud"
local workshop = require "support.workshop"

local task = workshop.task

local NOBODY = {
  StackName = false, QueueUrl = false, NotificationTopic = false, Cluster = false,
  TaskDefinition = false,
}

local function run(folder, arguments, more)
  local variables = {}
  for name, value in pairs(NOBODY) do variables[name] = value end
  for name, value in pairs(more or {}) do variables[name] = value end
  local exit, out, problem = workshop.run(folder, arguments, variables)
  return exit.code, out, problem
end

describe("watchbot pause", function()
  it("pauses a queue file for all of its watchers, over restarts", task(function(folder)
    workshop.send(folder, { "a", "b" })
    local watcher <close> = workshop.start(folder, { "run", "--queue", folder:url(), "--", "true" })
    workshop.eventually(function() return (watcher:output()):find '"outcome":"complete".*"outcome"'
    end, "both are done")
    local code, out = run(folder, { "pause", "--queue", folder:url() })
    assert.are.same({ 0, ("queue %s is paused until it is resumed (watchbot resume)\n"):format(
      folder:url()) }, { code, out })
    workshop.eventually(function() return (watcher:output()):find '"event":"paused"' end,
      "the watcher says that")
    workshop.send(folder, { "c" })
    watcher:kill "TERM"
    watcher:wait()
    assert.is_nil((watcher:output()):find '"c"')
    local problem
    code, out, problem = run(folder, { "run", "--drain", "--queue", folder:url(), "--", "true" })
    assert.are.equal(1, code)
    assert.is_nil(out:find '"c"')
    assert.matches("run: the queue is paused until it is resumed %(watchbot resume%); the queue is "
      .. "not empty", problem)
    assert.are.equal(0, (run(folder, { "resume", "--queue", folder:url() })))
    code, out = run(folder, { "run", "--drain", "--queue", folder:url(), "--", "true" })
    assert.are.equal(0, code)
    assert.matches('"message":"c","receives":1', out)
  end))

  it("is waited for by a drain when it has an end", task(function(folder)
    workshop.send(folder, { "a" })
    assert.are.equal(0, (run(folder, { "pause", "--queue", folder:url(), "--for", "1s" })))
    local code, out = run(folder, { "run", "--drain", "--queue", folder:url(), "--", "true" })
    assert.are.equal(0, code, out)
    assert.matches('"message":"a","receives":1', out)
  end))

  it("does not keep a drain from an empty queue", task(function(folder)
    workshop.send(folder, { "a" })
    run(folder, { "run", "--drain", "--queue", folder:url(), "--", "true" })
    run(folder, { "pause", "--queue", folder:url() })
    assert.are.equal(0, (run(folder, { "run", "--drain", "--queue", folder:url(), "--", "true" })))
  end))

  it("pauses one group, and a drain ends when only that is left", task(function(folder)
    workshop.send(folder, { "1", "2" }, "--group", "acme")
    workshop.send(folder, { "3" }, "--group", "other")
    local code, out = run(folder, { "pause", "--queue", folder:url(), "--by", "group=acme" })
    assert.are.equal(0, code)
    assert.matches("^group 'acme' of queue sqlite:", out)
    local problem
    code, out, problem = run(folder, { "run", "--drain", "--queue", folder:url(), "--", "true" })
    assert.are.equal(1, code, out)
    assert.matches("the queue is paused until it is resumed", problem)
    assert.matches('"message":"3"', out)
    assert.is_nil(out:find '"message":"1"')
    code, out = run(folder, { "status", "--queue", folder:url() })
    assert.are.equal(0, code)
    assert.matches("\npaused groups +acme until it is resumed %(watchbot resume%)\nwaiting +2\n",
      out)
    code, out = run(folder, { "resume", "--queue", folder:url(), "--by", "group=acme" })
    assert.are.same({ 0, ("group 'acme' of queue %s is resumed\n"):format(folder:url()) },
      { code, out })
    code, out = run(folder, { "resume", "--queue", folder:url(), "--by", "group=acme" })
    assert.are.equal(0, code)
    assert.matches("was not paused", out)
  end))

  it("is shown by status and check, with its end", task(function(folder)
    workshop.send(folder, { "a" })
    local _, out = run(folder, { "pause", "--queue", folder:url(), "--for", "1h" })
    local ends = out:match "until (%d+%-%d+%-%d+T%d+:%d+:%d+Z)\n$"
    assert.is_string(ends)
    _, out = run(folder, { "status", "--queue", folder:url() })
    assert.matches("\npaused +until " .. ends:gsub("%-", "%%-") .. "\nwaiting +1\n", out)
    _, out = run(folder, { "status", "--queue", folder:url(), "--json" })
    assert.are.equal(ends:sub(1, 19), cjson.decode(out).paused.ends:sub(1, 19))
    folder:write("policy.lua", ([[return require "watchbot".policy {
      queue = %q, command = "true" }]]):format(folder:url()))
    local code
    code, out = run(folder, { "check", "policy.lua" })
    assert.are.equal(0, code)
    assert.matches("it is paused until " .. ends:gsub("%-", "%%-"), out)
  end))

  it("refuses what it does not understand", task(function(folder)
    workshop.send(folder, { "a" })
    for _, case in ipairs {
      { { "pause", "--for", "long" }, "pause: %-%-for: expected a duration above 0" },
      { { "pause", "--for", "0" }, "expected a duration above 0" },
      { { "pause", "--by", "tenant=acme" }, "pause: %-%-by: expected group=ID, got 'tenant=acme'" },
      { { "resume", "--by", "group=" }, "resume: %-%-by: expected group=ID" },
      { { "pause", "now" }, "pause: unexpected argument 'now'" },
    } do
      local argv = table.move({ "--queue", folder:url() }, 1, 2, #case[1] + 1, case[1])
      local code, _, problem = run(folder, argv)
      assert.are.equal(2, code)
      assert.matches(case[2], problem)
    end
    local code, _, problem = run(folder, { "pause", "--queue", folder:url "none.db" })
    assert.are.equal(1, code)
    assert.matches("none%.db", problem)
    assert.is_nil(io.open(folder:file "none.db"))
  end))
end)

describe("watchbot pause on SQS", function()
  local account
  cloud.around_own(function(made) account = made end)

  it("is seen by a watcher when it starts, and by status", task(function(folder)
    local url = account:queue()
    assert(account.sqs:SendMessage { QueueUrl = url, MessageBody = "a" })
    local variables = account:environment()
    assert.are.equal(0, (run(folder, { "pause", "--queue", url }, variables)))
    local code, out, problem
    code, out, problem = run(folder, { "run", "--drain", "--queue", url, "--", "true" }, variables)
    assert.are.equal(1, code, out)
    assert.matches("the queue is paused until it is resumed", problem)
    code, out = run(folder, { "status", "--queue", url }, variables)
    assert.are.equal(0, code)
    assert.matches("\npaused +until it is resumed", out)
    assert.are.equal(1, account:count(url))
    assert.are.equal(0, (run(folder, { "resume", "--queue", url }, variables)))
    code, out = run(folder, { "run", "--drain", "--queue", url, "--", "true" }, variables)
    assert.are.equal(0, code)
    assert.matches('"message":"a","receives":1', out)
  end))

  it("refuses a group, with the reason", task(function(folder)
    local argv = { "pause", "--queue", account:queue(), "--by", "group=acme" }
    local code, _, problem = run(folder, argv, account:environment())
    assert.are.equal(2, code)
    assert.matches("SQS hands out the messages of all groups, and cannot leave out one", problem)
  end))

  -- A watcher that may not read the tags receives on, and says so once.
  it("is not seen by a watcher that may not read tags, which says so", task(function(folder)
    local url = account:queue()
    assert(account.sqs:SendMessage { QueueUrl = url, MessageBody = "a" })
    run(folder, { "pause", "--queue", url }, account:environment())
    local variables = account:environment(account:user "sqs:ListQueueTags")
    local code, out = run(folder, { "run", "--drain", "--queue", url, "--", "true" }, variables)
    assert.are.equal(0, code, out)
    assert.are.equal(1, select(2, out:gsub("whether the queue is paused is not known", "")), out)
    assert.matches("'sqs:ListQueueTags'", out)
  end))

  it("names what pause itself lacks", task(function(folder)
    local url = account:queue()
    local code, _, problem = run(folder, { "pause", "--queue", url },
      account:environment(account:user "sqs:TagQueue"))
    assert.are.equal(1, code)
    assert.matches("pause: the credentials do not allow 'sqs:TagQueue'", problem)
  end))

  it("is done by a hook, for all watchers", task(function(folder)
    local url = account:queue()
    for index = 1, 3 do
      assert(account.sqs:SendMessage { QueueUrl = url, MessageBody = "m" .. index })
    end
    folder:write("policy.lua", ([[local policy = require "watchbot".policy {
      queue = %q, command = "exit 75", visibility = 30 }
      function policy:verdict() return "pause" end
      return policy]]):format(url))
    local code, out, problem = run(folder, { "run", "--drain", "policy.lua" },
      account:environment())
    assert.are.equal(1, code, out)
    assert.matches("the queue is paused until it is resumed", problem)
    assert.are.equal("resume", account.sqs:ListQueueTags { QueueUrl = url }.Tags["watchbot-paused"])
    assert.are.equal(3, account:count(url))
    assert.is_nil(out:find '"outcome":"retry"')
  end))
end)
