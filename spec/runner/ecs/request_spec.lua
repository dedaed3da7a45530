-- What RunTask is asked for. Nothing is sent: the calls that AWS takes or refuses are in
-- spec/aws/ecs_spec.lua.

local core = require "watchbot.core"
local job = require "watchbot.message.job"
local request = require "watchbot.runner.ecs.request"
local task_problem = require("watchbot.policy.task").problem

local MESSAGE_ID = "e2c045cc-5606-4950-964b-20877900bccb"

local function job_of(body, receives)
  return job.new { id = MESSAGE_ID, body = body or "hello", receives = receives or 1 }
end

describe("the starter of a task", function()
  it("is the stack and the message, where AWS takes them as they are", function()
    assert.are.equal("tiles_2-b/" .. MESSAGE_ID, request.started_by("tiles_2-b", MESSAGE_ID))
    assert.are.equal("a/b/" .. MESSAGE_ID, request.started_by("a/b", MESSAGE_ID))
  end)

  it("has 128 characters at the most, and all of the message's id", function()
    local longest = ("s"):rep(128 - 1 - #MESSAGE_ID)
    assert.are.equal(longest .. "/" .. MESSAGE_ID, request.started_by(longest, MESSAGE_ID))
    local shortened = request.started_by(longest .. "s", MESSAGE_ID)
    assert.are.equal(128, #shortened)
    assert.matches("^sss.*%-%x+/" .. MESSAGE_ID:gsub("%-", "%%-") .. "$", shortened)
    assert.are.equal(128, #request.started_by(("s"):rep(500), ("i"):rep(500)))
  end)

  it("has no letters but those that AWS takes", function()
    for _, stack in ipairs { "tiles of mine", "tiles.eu", "t\u{EF}les", "arn:aws:x", "" } do
      local made = request.started_by(stack, "m\u{E9}ssage 1")
      assert.matches("^[%w/_-]+$", made)
      assert.are.equal(made, request.started_by(stack, "m\u{E9}ssage 1"))
    end
  end)

  it("is never the same for two long stacks or ids", function()
    local long = ("s"):rep(200)
    assert.are_not.equal(request.started_by(long .. "1", MESSAGE_ID), request.started_by(long
      .. "2", MESSAGE_ID))
    assert.are_not.equal(request.started_by("stack", long .. "1"), request.started_by("stack", long
      .. "2"))
  end)

  -- Letters that AWS does not take became dashes before the hash was taken, and without any where
  -- the name was short: "a.b" and "a-b" had the same tasks, and one would have taken the other's
  -- end for its own.
  it("is never the same for two stacks that differ in letters that AWS does not take", function()
    for _, length in ipairs { 1, 200 } do
      local tail = ("s"):rep(length)
      local seen = {}
      for _, letter in ipairs { ".", "-", ":", " " } do
        local made = request.started_by("a" .. letter .. tail, MESSAGE_ID)
        assert.is_nil(seen[made], made)
        seen[made] = true
      end
    end
    assert.are_not.equal(request.started_by("a", "b/c"), request.started_by("a/b", "c"))
  end)
end)

describe("the RunTask call of a job", function()
  local IDENTITY = { stack = "tiles", container = "main" }

  local function build(message, task)
    local one = job_of(message)
    return request.build(task or { cluster = "fleet", definition = "job" }, one,
      one:variables "iso", IDENTITY)
  end

  it("carries the environment in one container's override, sorted by name", function()
    local made = assert(build "hello")
    assert.are.equal("fleet", made.cluster)
    assert.are.equal("job", made.taskDefinition)
    assert.are.equal(1, made.count)
    assert.are.equal("tiles/" .. MESSAGE_ID, made.startedBy)
    assert.is_nil(made.clientToken)
    assert.are.same({ { name = "main", environment = {
      { name = "ApproximateReceiveCount", value = "1" }, { name = "Message", value = "hello" },
      { name = "MessageId", value = MESSAGE_ID },
    } } }, made.overrides.containerOverrides)
  end)

  it("hands on what the task says, under AWS's names, and nothing that it does not say", function()
    local task = {
      cluster = "fleet", definition = "job:7", container = "main", command = { "./render" },
      cpu = 256, memory = 512,
      capacityProviderStrategy = { { capacityProvider = "FARGATE_SPOT", weight = 1 } },
      enableExecuteCommand = false,
      group = "tiles", networkConfiguration = { awsvpcConfiguration = { subnets = { "s" } } },
      placementConstraints = { { type = "distinctInstance" } },
      placementStrategy = { { type = "spread", field = "host" } },
      platformVersion = "LATEST", propagateTags = "TASK_DEFINITION", tags = { { key = "k",
      value = "v" } },
    }
    assert.is_nil(task_problem(task))
    local made = assert(build("hello", task))
    local override = made.overrides.containerOverrides[1]
    assert.are.same({ { "./render" }, 256, 512 }, { override.command, override.cpu,
      override.memory })
    for _, name in ipairs { "command", "cpu", "memory", "container", "definition" } do
      assert.is_nil(made[name])
    end
    for _, name in ipairs {
      "capacityProviderStrategy", "enableExecuteCommand", "group", "networkConfiguration",
      "placementConstraints",
      "placementStrategy", "platformVersion", "propagateTags", "tags",
    } do
      assert.are.same(task[name], made[name], name)
    end
    assert.are.equal("FARGATE", assert(build("m", { cluster = "c", definition = "d",
      launchType = "FARGATE" })).launchType)
    assert.is_nil(assert(build "hello").launchType)
  end)

  -- Characters that are left for a message.
  local function room()
    return 8192 - utf8.len(core.json.encode(assert(build "").overrides))
  end

  it("takes overrides of 8192 characters, and rejects one more with its numbers", function()
    assert.are.equal(8192, #core.json.encode(assert(build(("x"):rep(room()))).overrides))
    local made, err, code = build(("x"):rep(room() + 1))
    assert.is_nil(made)
    assert.are.equal("TooBig", code)
    assert.matches("8193 characters", err)
    assert.matches("8192 are allowed", err)
    assert.matches("S3", err)
    assert.matches(("%d of them the message's"):format(room() + 1), err)
  end)

  it("counts characters, not bytes, and an escaped one as what it becomes", function()
    assert(build(("\u{20AC}"):rep(room())))
    local _, err, code = build(("\u{20AC}"):rep(room() + 1))
    assert.are.equal("TooBig", code)
    -- It said how many bytes the message had: more than all characters together.
    assert.matches(("8193 characters %%(%d of them the message's%%)"):format(room() + 1), err)
    assert(build(('"'):rep(room() // 2)))
    assert.are.equal("TooBig", select(3, build(('"'):rep(room() // 2 + 1))))
  end)

  it("rejects what the environment of a process cannot hold either", function()
    local _, err, code = build(("x"):rep(200000))
    assert.are.equal("TooBig", code)
    assert.matches("200000", err)
  end)

  -- What cannot be written as JSON counted as too big, and the message was removed from the queue.
  it("says what is wrong with bytes that cannot be handed over: that is not their number",
    function()
    local _, err, code = build "a\0b"
    assert.are.equal("InvalidMessage", code)
    assert.matches("NUL", err)
    assert.is_nil(err:find "8192")
    _, err, code = build "a\xFFb"
    assert.are.equal("InvalidMessage", code)
    assert.matches("'Message' cannot be passed to an ECS task: it is not UTF%-8", err)
    local one = job_of "hello"
    local variables = { Message = "hello", LATIN = "\xE9" }
    _, err, code = request.build({ cluster = "fleet", definition = "job" }, one, variables,
      IDENTITY)
    assert.are.equal("InvalidText", code)
    assert.matches("'LATIN'", err)
  end)

  -- Such a message was retried until its last receive, each time with a notification.
  it("says that the message is at fault, unless a hook has put the text there", function()
    local function code_of(body, variables)
      local one = job_of(body)
      local all = variables or one:variables()
      return (select(3, request.build({ cluster = "fleet", definition = "job" }, one, all,
        IDENTITY)))
    end
    for _, body in ipairs {
      "\xFF", "a\0", "\xED\xA0\x80", "\xC0\x80", "caf\xE9", "\xF4\x90\x80\x80",
    } do
      assert.are.equal("InvalidMessage", code_of(body), body)
    end
    assert.are.equal("InvalidText", code_of("hello", { Message = "\xFF" }))
    assert.are.equal("InvalidText", code_of("hello", { Message = "hello", Subject = "\xFF" }))
  end)

  -- An oversized 'env' was taken for an oversized message: six messages of 11 bytes were deleted.
  it("tells what is too big without the message from a message that is too big", function()
    local one = job_of "hello"
    for _, more in ipairs { { CONFIG = ("x"):rep(8200) }, { A = ("\u{20AC}"):rep(4100),
      B = ("x"):rep(4100) } } do
      local variables = one:variables "iso"
      for name, value in pairs(more) do variables[name] = value end
      local made, err, code = request.build({ cluster = "fleet", definition = "job" }, one,
        variables, IDENTITY)
      assert.is_nil(made)
      assert.are.equal("EnvironmentTooBig", code)
      assert.matches("the policy's environment", err)
    end
    local command = { "sh", "-c", ("x"):rep(8200) }
    local task = { cluster = "fleet", definition = "job", command = command }
    assert.are.equal("EnvironmentTooBig", select(3, build("hello", task)))
  end)

  it("leaves the message's attributes out first, and reports that", function()
    local function built(size, attributes)
      local one = job.new {
        id = MESSAGE_ID, body = ("x"):rep(size), receives = 1,
        attributes = { big = { type = "String", value = ("y"):rep(attributes) } },
      }
      return request.build({ cluster = "fleet", definition = "job" }, one, one:variables "iso",
        IDENTITY)
    end
    local made, _, _, shortened = built(7000, 2000)
    local names = {}
    for _, variable in ipairs(made.overrides.containerOverrides[1].environment) do
      names[variable.name] = true
    end
    assert.are.equal("MessageAttributes", shortened)
    assert.is_true(names.Message)
    assert.is_nil(names.MessageAttributes)
    made, _, _, shortened = built(700, 200)
    assert.is_false(shortened)
    assert.matches("MessageAttributes", core.json.encode(made))
    assert.are.equal("TooBig", select(3, built(8200, 10)))
  end)

  it("leaves out the trace where it has no room, baggage first, but not what the policy sets",
    function()
      local one = job.new { id = MESSAGE_ID, body = ("x"):rep(7700), receives = 1, attributes = {} }
      one.trace = { traceparent = ("p"):rep(55), tracestate = "a=1", baggage = ("b"):rep(400) }
      local function built(change)
        local variables = one:variables "iso"
        for name, value in pairs(change or {}) do variables[name] = value end
        local made, err, code, left = request.build({ cluster = "fleet", definition = "job" }, one,
          variables, IDENTITY)
        return made and core.json.encode(made), left, err, code
      end
      local text, left = built()
      assert.are.equal("BAGGAGE", left)
      assert.matches("TRACEPARENT", text)
      assert.matches("TRACESTATE", text)
      local _, _, err, code = built { BAGGAGE = ("c"):rep(400) }
      assert.are.equal("TooBig", code, err)
    end)

  it("writes numbers and booleans as text", function()
    local one = job_of "hello"
    local made = assert(request.build({ cluster = "fleet", definition = "job" }, one, { N = 7,
      D = true, F = 0.5 }, IDENTITY))
    assert.are.same({ { name = "D", value = "true" }, { name = "F", value = "0.5" }, { name = "N",
      value = "7" } },
      made.overrides.containerOverrides[1].environment)
  end)
end)

describe("the fixed part of a policy", function()
  local TASK = { cluster = "fleet", definition = "job" }

  it("is refused at load where it cannot fit any task", function()
    assert.is_true(request.check(TASK, { CONFIG = ("x"):rep(8000) }))
    local ok, err, code = request.check(TASK, { CONFIG = ("x"):rep(8200) })
    assert.is_nil(ok)
    assert.are.equal("EnvironmentTooBig", code)
    assert.matches("8192 are allowed; shorten 'env'", err)
    for _, value in ipairs { "\xE9", "a\0b" } do
      assert.are.equal("InvalidText", select(3, request.check(TASK, { CONFIG = value })))
    end
  end)
end)
