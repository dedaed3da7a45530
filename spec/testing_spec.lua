local cjson = require "cjson"
local scheduler = require "watchbot.scheduler"
local shell = require "support.shell"
local testing = require "watchbot.testing"
local watchbot = require "watchbot"

-- A policy of fields and hooks.
local function policy(fields)
  fields.command = fields.command or (not fields.handler and not fields.task and "./render") or nil
  return watchbot.policy(fields)
end

describe("watchbot.testing", function()
  it("drives a policy through a message and an exit", function()
    local w = testing.watch(policy { exits = { [75] = "release" } })
    w:message { "tile 7", subject = "tiles" }
    assert.are.equal("running", w:state())
    assert.are.equal("./render", w:command())
    w:exits(75)
    assert.are.equal("release", w:outcome())
    assert.are.equal(2, w:backoff())
    assert.are.equal("exits", w:decided())
    assert.are.same({}, w:notifications())
    w:advance(2)
    assert.are.same({ "running", 2 }, { w:state(), w:receives() })
    assert.are.equal("complete", w:exits())
    assert.are.same({ "deleted", "default" }, { w:state(), (w:decided()) })
  end)

  it("tells the environment that a task would get, and opens an envelope", function()
    local w = testing.watch(policy { env = { ZOOM = "7" } })
    w:message {
      '{"Type":"Notification","TopicArn":"arn","Subject":"S","Message":"M"}', attributes = {
        A = "1",
      },
    }
    local environment = w:environment()
    assert.are.same({ "S", "M", "7", "1" },
    { environment.Subject, environment.Message, environment.ZOOM,
      environment.ApproximateReceiveCount })
    assert.are.same({ A = { Type = "String", Value = "1" } },
      cjson.decode(environment.MessageAttributes))
  end)

  it("moves the clock for hooks that wait, and for nothing else", function()
    local w = testing.watch(policy {
      admit = function() scheduler.sleep(5) return true end,
      verdict = function() scheduler.sleep(3600) return "retry", 7 end,
      backoff = function() error "not asked, for the verdict has said it" end,
    })
    w:message "x"
    assert.are.equal(5, w:now())
    w:exits(1)
    assert.are.equal(3605, w:now())
    assert.are.same({ "retry", 7, "verdict" }, { w:outcome(), w:backoff(), (w:decided()) })
    assert.are.same({}, w:errors())
  end)

  it("shows the notifications, where they would go anywhere", function()
    local w = testing.watch(policy { stack = "tiles" })
    w:message { "broken", receives = 10 }
    w:exits { code = 1, logs = "no such zoom level\n" }
    local sent = w:notifications()
    assert.are.equal(1, #sent)
    assert.are.equal("tiles failed processing message message-1", sent[1].subject)
    assert.matches("Task stopped reason: exit code 1", sent[1].body)
    assert.matches("no such zoom level", sent[1].body)
    assert.matches("the last attempt %(receive 10%): the message goes to the dead letters",
      sent[1].body)
    assert.are.same(sent, w:message("another") and w:notifications())

    w = testing.watch(policy {}, { topic = false })
    w:message "broken"
    assert.are.equal("reject", w:exits(3))
    assert.are.same({}, w:notifications())
  end)

  it("holds notifications back above the limit, and sends the summary a minute later", function()
    local w = testing.watch(policy { notify_limit = 1, workers = 3, prefetch = 0 })
    for index = 1, 3 do w:message("m" .. index):exits(3) end
    assert.are.equal(1, #w:notifications())
    w:advance(60)
    assert.matches("2 more failures", w:notifications()[2].subject)
    assert.is_nil(w:notifications()[2].id)
  end)

  it("brings a message that always fails to the dead letters", function()
    local w = testing.watch(policy { max_receives = 3, backoff = function() return 10 end })
    w:message "poison"
    for receives = 1, 3 do
      assert.are.same({ "running", receives }, { w:state(), w:receives() })
      w:exits(1)
      w:advance(10)
    end
    assert.are.equal("dead", w:state())
    assert.are.equal("poison", w:dead_letters()[1].body)
  end)

  it("runs into timeouts, and into a signal", function()
    local w = testing.watch(policy { timeout = 900, exits = { KILL = "reject" } })
    w:message "slow"
    w:advance(899)
    assert.is_nil(w:outcome())
    w:advance(1)
    assert.are.same({ "retry", "timed out after 900 s", 900 },
      { w:outcome(), w:exit().reason, w:exit().duration })
    w:advance(2)
    assert.are.equal("reject", w:exits "KILL")
  end)

  it("knows messages apart, and those that wait for a slot", function()
    local w = testing.watch(policy { workers = 2, prefetch = 0 })
    local a, b, c = w:message "a", w:message { "b", id = "B" }, w:message "c"
    assert.are.same({ "running", "running", "queued" }, { a:state(), b:state(), c:state() })
    assert.are.equal("reject", a:exits(3))
    assert.are.equal("running", c:state())
    assert.are.equal("B", b.id)
    assert.are.equal("complete", b:exits(0))
    assert.are.equal(1, #a:notifications())
    assert.are.equal(0, #b:notifications())
  end)

  it("holds what is not admitted yet, and asks again", function()
    local open = false
    local w = testing.watch(policy { admit = function() return open or "hold", 30 end })
    w:message "x"
    assert.are.same({ "held", "admit", 30 }, { w:state(), w:decided(), w:backoff() })
    open = true
    w:advance(29)
    assert.are.equal("held", w:state())
    w:advance(1)
    assert.are.equal("running", w:state())

    w = testing.watch(policy { admit = function() return "complete" end })
    w:message "x"
    assert.are.same({ "complete", "admit", "deleted" }, { w:outcome(), (w:decided()), w:state() })
    assert.is_nil(w:command())
  end)

  it("starts nothing for a duplicate", function()
    local started = 0
    local w = testing.watch(policy {
      command = function() started = started + 1 return "./render" end,
    })
    w:message "x"
    w:duplicate()
    assert.are.same({ 1, "running" }, { started, w:state() })
    assert.are.equal("complete", w:exits(0))
    assert.are.equal("deleted", w:state())
  end)

  it("says what hooks have asked of AWS, programs and queues, and answers them", function()
    local w = testing.watch(policy {
      admit = function()
        local table = watchbot.aws("dynamodb", { region = "eu-west-1" })
        local found = assert(table:GetItem { TableName = "seen", Key = { id = { S = "x" } } })
        return found.Item and "complete" or true
      end,
      verdict = function()
        local child = watchbot.process.start { argv = { "df", "-h" }, output = "capture" }
        child:wait()
        local queue <close> = watchbot.queue.open "sqlite:later.db"
        queue:send { { body = (child:output()) } }
        return "complete"
      end,
    })
    w:answer("process:start", { code = 0, stdout = "full" })
    w:message("x"):exits(0)
    local names = {}
    for index, call in ipairs(w:calls()) do
      names[index] = ("%s of %s"):format(call.name, call.hook)
    end
    assert.are.same({ "dynamodb:GetItem of admit", "process:start of verdict",
      "queue:send of verdict" }, names)
    assert.are.equal("seen", w:calls()[1].parameters.TableName)
    assert.are.equal("full", w:calls()[3].parameters.messages[1].body)
    assert.are.same({}, w:errors())

    w:answer("dynamodb:GetItem", function(parameters) return { Item = parameters.Key } end)
    assert.are.equal("complete", w:message("y"):outcome())
    w:answer("dynamodb:GetItem",
      function() return nil, "no such table", "ResourceNotFoundException" end)
    assert.are.equal("retry", w:message("z"):outcome())
    assert.are.equal("admit", w:decided())
    assert.matches("no such table", w:errors()[1].message)
    assert.is_nil(io.open "later.db")
  end)

  it("runs handlers for real, unless it is told otherwise", function()
    local one = policy { timeout = 10, handler = function(job)
      scheduler.sleep(tonumber(job.message))
      return "reject", "it is enough"
    end }
    local w = testing.watch(one)
    w:message "5"
    assert.are.same({ "reject", "handler", "it is enough", 5 },
      { w:outcome(), (w:decided()), w:exit().reason, w:exit().duration })
    w:message "60"
    assert.are.same({ "retry", "timed out after 10 s" }, { w:outcome(), w:exit().reason })
    assert.has_error(function() w:exits(0) end)

    w = testing.watch(one, { handler = false })
    assert.are.equal("running", w:message("60"):state())
    assert.are.equal("release", w:exits(4))
  end)

  it("says what an ECS task would get", function()
    local w = testing.watch(policy {
      task = { cluster = "main", definition = "tiles:7", container = "tile" },
    })
    w:message "7/3/5"
    local parameters = w:command()
    assert.are.same({ "main", "tiles:7", "tile" }, { parameters.cluster, parameters.taskDefinition,
      parameters.overrides.containerOverrides[1].name })
    assert.are.equal("complete", w:exits(0))
    w:message(("x"):rep(9000))
    assert.are.equal("bury", w:outcome())
    assert.are.equal("dead", w:state())
    assert.matches("does not fit an ECS task", w:exit().reason)
  end)

  it("has tasks that cannot be started, or not yet", function()
    local w = testing.watch(policy {})
    w:refuse "no such file"
    w:message "x"
    assert.are.same({ "retry", true }, { w:outcome(), w:exit().not_started })
    w:advance(2)
    assert.are.equal("running", w:state())

    w = testing.watch(policy {})
    w:refuse("RESOURCE:MEMORY", "NoRoom")
    w:message "x"
    assert.are.equal("held", w:state())
    w:advance(1)
    assert.are.equal("running", w:state())
  end)

  it("tells of hooks that throw", function()
    local w = testing.watch(policy { verdict = function(_, _, exit) return exit.code.field end })
    w:message("x"):exits(0)
    assert.are.same({ "retry", "verdict" }, { w:outcome(), (w:decided()) })
    assert.are.equal("verdict", w:errors()[1].where)
    assert.matches("attempt to index a number value.*stack traceback", w:errors()[1].message)
  end)

  it("stops as at a signal", function()
    local said = {}
    local w = testing.watch(policy {
      drain = 30, start = function() said[1] = "start" end, stop = function() said[2] = "stop" end,
    })
    w:message "x"
    w:stop()
    assert.are.same({ "retry", 0, "stop", 30 }, { w:outcome(), w:backoff(), w:decided(), w:now() })
    assert.are.same({ "start", "stop" }, said)
    assert.matches('"event":"stopped"', w:log()[#w:log()])
  end)

  it("changes nothing about the policy, so that each test begins anew", function()
    local one = policy { notify_limit = 1 }
    for _ = 1, 3 do
      local w = testing.watch(one)
      w:message("x"):exits(3)
      assert.are.equal(1, #w:notifications())
    end
    assert.is_nil(one.topic)
    assert.is_nil(one.queue)
  end)

  it("works in a task as well", function()
    scheduler.run(function()
      local w <close> = testing.watch(policy {
        verdict = function() scheduler.sleep(600) return "complete" end,
      })
      w:message "x"
      assert.are.equal("complete", w:exits(9))
      assert.are.equal(600, w:now())
    end)
  end)

  it("gives the clock and the world back", function()
    local request = watchbot.http.request
    local w = testing.watch(policy {
      verdict = function() scheduler.sleep(3600) return "complete" end,
    })
    w:message("x"):exits(0)
    assert.are.equal(request, watchbot.http.request)
    assert.is_nil(watchbot.aws.stand_in)
    assert.is_true(math.abs(scheduler.time() / 1000 - os.time()) < 60)
    w:close()
    w = testing.watch(policy { verdict = function() scheduler.event():wait() end })
    w:message "x"
    assert.has_error(function() w:exits(0) end,
      "a hook or handler has not ended after a day of the test's clock")
    assert.is_true(math.abs(scheduler.time() / 1000 - os.time()) < 60)
  end)

  it("is not to be moved by its own hooks", function()
    local w
    w = testing.watch(policy { verdict = function() w:advance(1) return "complete" end })
    w:message "x"
    assert.are.equal("retry", w:exits(0))
    assert.matches("a hook cannot move it", w:errors()[1].message)
    assert.are.equal(0, w:now())
  end)

  it("says what is wrong with the test", function()
    local w = testing.watch(policy {})
    local function fails(pattern, ...)
      local ok, problem = pcall(...)
      assert.is_false(ok)
      assert.matches(pattern, problem)
    end
    fails("testing_spec.lua:%d+: exits: no message has been sent yet", function() w:exits(0) end)
    fails("testing_spec.lua:%d+: message: unknown field 'boddy'; did you mean 'body'",
      function() w:message { boddy = "x" } end)
    fails("testing_spec.lua:%d+: message: expected a body", function() w:message {} end)
    w:message("x"):exits(0)
    fails("testing_spec.lua:%d+: exits: no task of message 'message%-1' runs, it is deleted",
      function()
      w.newest:exits(0)
    end)
    fails("expected a policy or the path", testing.watch, 7)
    fails("unknown option 'handlers'; did you mean 'handler'", testing.watch, policy {}, {
      handlers = false,
    })
    fails("both 'command' and 'handler' are set", testing.watch, watchbot.policy {
      command = "x", handler = print,
    })
  end)
end)

describe("watchbot.testing with a policy's file", function()
  local folder
  before_each(function() folder = shell.folder() end)
  after_each(function() shell.remove(folder) end)

  it("loads it anew for each watch", function()
    shell.write(folder .. "/policy.lua", [[
      local policy = require("watchbot").policy { command = "true" }
      local count = 0
      function policy:verdict() count = count + 1 return count == 1 and "complete" or "retry" end
      return policy]])
    for _ = 1, 2 do
      local w = testing.watch(folder .. "/policy.lua")
      assert.are.equal("complete", w:message("x"):exits(7))
    end
  end)

  it("says where it is wrong", function()
    shell.write(folder .. "/policy.lua",
      "return require('watchbot').policy {\n  commando = 'true',\n}")
    local ok, problem = pcall(testing.watch, folder .. "/policy.lua")
    assert.is_false(ok)
    assert.matches("policy.lua:2: unknown policy field 'commando'; did you mean 'command'%?",
      problem)
  end)

  it("runs in a plain interpreter, fast", function()
    shell.write(folder .. "/test.lua", [[
      local testing = require "watchbot.testing"
      local policy = require("watchbot").policy { command = "true" }
      local began = os.clock()
      for _ = 1, 100 do
        local w = testing.watch(policy)
        w:message("x"):exits(0)
        assert(w:outcome() == "complete")
      end
      print((os.clock() - began) / 100 < 0.1 and "fast" or "slow")]])
    local out, code = shell.run(shell.lua(folder .. "/test.lua") .. " 2>&1")
    assert.are.same({ "fast\n", 0 }, { out, code })
  end)
end)
