local cjson = require "cjson"
local workshop = require "support.workshop"

local task, run = workshop.task, workshop.run

local POLICY = [[
local watchbot = require "watchbot"
local policy = watchbot.policy {
  queue = "sqlite:jobs.db", command = "echo started >> started", timeout = 60,
  exits = { [75] = "release" },
  stack = "tiles", env = { ZOOM = "7" },
}
function policy:verdict(job, exit)
  if exit.signal == "KILL" then
    watchbot.aws("dynamodb", { region = "eu-west-1" }):PutItem {
      TableName = "killed", Item = { id = { S = job.id } } }
    return "reject"
  end
  return watchbot.policy.verdict(self, job, exit)
end
return policy
]]

-- => what it prints as JSON, as a table
local function judged(folder, arguments, stdin)
  local exit, out, problem =
    run(folder, { "test", "policy.lua", "--json", table.unpack(arguments) }, { stdin = stdin })
  assert.are.equal(0, exit.code, problem)
  return cjson.decode(out)
end

local function refused(folder, pattern, ...)
  local exit, _, problem = run(folder, { "test", ... })
  assert.are.equal(2, exit.code)
  assert.matches(pattern, problem)
end

describe("watchbot test", function()
  it("shows the event that a program that stays would get", task(function(folder)
    folder:write("policy.lua", [[return require "watchbot".policy { queue = "sqlite:jobs.db",
      lambda = { command = "false", handler = "app.handler" } }]])
    local exit, out, problem = run(folder, { "test", "policy.lua", "--message", "hello" })
    assert.are.equal(0, exit.code, problem)
    assert.matches("command +lambda app.handler\n", out)
    assert.matches('event +{"Records":%[{[^\n]*"body":"hello"', out)
    assert.is_nil(out:find("environment", 1, true))
  end))

  -- A script had to pick the outcome out of the output.
  it("fails when the outcome is not the expected one", task(function(folder)
    folder:write("policy.lua", POLICY)
    local words = { "test", "policy.lua", "--message", "x", "--exit", "75", "--expect" }
    local function expect(outcome)
      local all = { table.unpack(words) }
      all[#all + 1] = outcome
      return run(folder, all)
    end
    local exit, out = expect "release"
    assert.are.equal(0, exit.code)
    assert.matches("outcome +release", out)
    local problem
    exit, out, problem = expect "retry"
    assert.are.equal(1, exit.code)
    assert.matches("outcome +release", out)
    assert.matches("test: expected retry, got release\n", problem)
    refused(folder, "'%-%-expect': expected complete, reject, release, retry, bury, held or "
      .. "queued, got 'done'", "policy.lua", "--message", "x", "--expect", "done")
  end))

  it("knows a message that has no outcome yet by its state", task(function(folder)
    folder:write("policy.lua", [[local watchbot = require "watchbot"
      local policy = watchbot.policy { queue = "sqlite:jobs.db", command = "true" }
      function policy:admit() return "hold" end
      return policy]])
    local exit, _, problem =
      run(folder, { "test", "policy.lua", "--message", "x", "--expect", "held" })
    assert.are.equal(0, exit.code, problem)
  end))

  it("says what would become of a message, and runs nothing", task(function(folder)
    folder:write("policy.lua", POLICY)
    local exit, out = run(folder, {
      "test", "policy.lua", "--message", "tile 7", "--subject", "S", "--exit", "3",
    })
    assert.are.equal(0, exit.code)
    for _, line in ipairs {
      "command +echo started >> started %(in sh%)", "Message=tile 7", "ZOOM=%(hidden%)",
      "Subject=S", "outcome +reject",
      "decided by +the policy's hook 'verdict'",
      "Subject: tiles failed processing message message%-1",
      "Task stopped reason: exit code 3", "no topic is set",
    } do
      assert.matches(line, out)
    end
    assert.are.equal("", folder:read "started")
    assert.are.equal("", folder:read "jobs.db")
  end))

  it("prints the same as JSON", task(function(folder)
    folder:write("policy.lua", POLICY)
    local result = judged(folder, { "--message", "tile 7", "--exit", "75", "--attribute", "A=1" })
    assert.are.same({ "release", 2, "verdict", false },
      { result.outcome, result.seconds, result.decided, result.last })
    assert.are.equal("tile 7", result.environment.Message)
    assert.are.same({ A = { Type = "String", Value = "1" } },
      cjson.decode(result.environment.MessageAttributes))
    assert.are.same({}, result.notifications)
    assert.are.same({ code = 75, duration = 0 }, result.exit)
  end))

  it("takes signals, timeouts and receives", task(function(folder)
    folder:write("policy.lua", POLICY)
    local killed = judged(folder, { "--message", "x", "--signal", "KILL" })
    assert.are.equal("reject", killed.outcome)
    assert.are.equal("dynamodb:PutItem", killed.calls[1].name)
    assert.are.equal("verdict", killed.calls[1].hook)
    local late = judged(folder, { "--message", "x", "--timed-out" })
    assert.are.same({ "retry", "timed out after 60 s" }, { late.outcome, late.exit.reason })
    local last = judged(folder, { "--message", "x", "--exit", "1", "--receives", "10" })
    assert.are.same({ "retry", true }, { last.outcome, last.last })
    assert.matches("the message goes to the dead letters", last.notifications[1].body)
    local _, out = run(folder, {
      "test", "policy.lua", "--message", "x", "--exit", "1", "--receives", "10",
    })
    assert.matches("seen again +never: it moves to the dead%-letter queue", out)
  end))

  it("reads the message from standard input or a file, and opens an envelope", task(function(folder)
    folder:write("policy.lua", POLICY)
    local envelope = '{"Type":"Notification","TopicArn":"t","Subject":"inner","Message":"the text"}'
    folder:write("body.json", envelope)
    assert.are.equal("the text", judged(folder, {}, envelope).environment.Message)
    assert.are.equal("inner", judged(folder, { "--body-file", "body.json" }).environment.Subject)
    assert.are.equal("plain\n",
      judged(folder, { "--body-file", "-" }, "plain\n").environment.Message)
  end))

  it("runs a handler, or says what its exit would mean", task(function(folder)
    folder:write("policy.lua", [[
      local watchbot = require "watchbot"
      return watchbot.policy { queue = "sqlite:jobs.db", handler = function(job)
        watchbot.scheduler.sleep(3600)
        if job.message == "bad" then return "reject", "it is bad" end
      end }]])
    local result = judged(folder, { "--message", "bad" })
    assert.are.same({ "reject", "handler", "it is bad", 3600 },
    { result.outcome, result.decided, result.exit.reason,
      result.took })
    assert.are.equal("release", judged(folder, { "--message", "bad", "--exit", "4" }).outcome)
  end))

  it("says that a message is held, or not even taken", task(function(folder)
    local function with(hook)
      folder:write("policy.lua", ([[
        local policy = require("watchbot").policy { queue = "sqlite:jobs.db", command = "true" }
        %s
        return policy]]):format(hook))
      local exit, out, problem = run(folder, { "test", "policy.lua", "--message", "x" })
      assert.are.equal(0, exit.code, problem)
      return out
    end
    local out = with 'function policy:admit() return "hold", 30 end'
    assert.matches("outcome +held: .*asked again +after 30 s", out)
    assert.matches("outcome +queued: .*the hook 'poll' asks for no messages",
      with "function policy:poll() return 0, 5 end")
  end))

  it("writes JSON whatever a hook has passed on", task(function(folder)
    folder:write("policy.lua", [[
      local watchbot = require "watchbot"
      local policy = watchbot.policy { queue = "sqlite:jobs.db", command = "true" }
      function policy:admit()
        local client = watchbot.aws("sqs", { region = "eu-west-1" })
        client:SendMessage { "a", mixed = 0/0, bytes = "\255", f = print, list = { 1, 2 } }
        return true
      end
      return policy]])
    local parameters = judged(folder, { "--message", "x" }).calls[1].parameters
    assert.are.same({ "a", "\u{FFFD}", { 1, 2 } },
      { parameters["1"], parameters.bytes, parameters.list })
  end))

  it("shows what a hook throws", task(function(folder)
    folder:write("policy.lua", [[
      local policy = require("watchbot").policy { queue = "sqlite:jobs.db", command = "true" }
      function policy:environment() error "no environment today" end
      return policy]])
    local exit, out = run(folder, { "test", "policy.lua", "--message", "x" })
    assert.are.equal(0, exit.code)
    assert.matches("decided by +the hook 'environment', which failed", out)
    assert.matches("error +in environment: .*no environment today", out)
  end))

  it("refuses what it cannot mean", task(function(folder)
    folder:write("policy.lua", POLICY)
    refused(folder, "no policy", "--message", "x")
    refused(folder, "could not read the policy: 'nothing.lua'", "nothing.lua", "--message", "x")
    refused(folder, "%-%-timed%-out cannot be combined", "policy.lua", "--message", "x", "--exit",
      "1", "--signal",
      "KILL")
    refused(folder, "%-%-exit: expected a number from 0 to 255, got '256'", "policy.lua",
      "--message", "x", "--exit", "256")
    refused(folder, "expected a name like KILL, got '9'", "policy.lua", "--message", "x",
      "--signal", "9")
    refused(folder, "expected NAME=VALUE, got 'A'", "policy.lua", "--message", "x", "--attribute",
      "A")
    refused(folder, "nothing.txt", "policy.lua", "--body-file", "nothing.txt")
    folder:write("quick.lua",
      "return require('watchbot').policy { queue = 'sqlite:jobs.db', command = 'true' }")
    refused(folder, "the policy has no 'timeout'", "quick.lua", "--message", "x", "--timed-out")
  end))

  -- A token that the hook `environment` had fetched stood in the log of the build.
  it("hides secrets that a hook adds, by their names", task(function(folder)
    folder:write("policy.lua", (POLICY:gsub("return policy\n$", [[
function policy:environment(job)
  local all = watchbot.policy.environment(self, job)
  all.API_TOKEN, all.TABLE = "t0ken", "tiles"
  return all
end
return policy
]])))
    local words = { "test", "policy.lua", "--message", "x" }
    local _, out, err = run(folder, words)
    words[#words + 1] = "--json"
    local _, as_json, json_err = run(folder, words)
    assert.matches("API_TOKEN=%(hidden%)", out)
    assert.matches("TABLE=tiles", out)
    assert.is_nil((out .. err .. as_json .. json_err):find("t0ken", 1, true))
  end))
end)
