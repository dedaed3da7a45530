-- The calls of RunTask and what their answers mean, with a client whose answers are given: lost
-- answers, conflicts and refusals in a wanted order. RunTask that really starts tasks is in
-- spec/aws/ecs_spec.lua.

local placement = require "watchbot.runner.ecs.placement"
local scheduler = require "watchbot.scheduler"

-- A client that answers RunTask with these, one after the other; the last one goes on.
local function scripted(...)
  local client, answers = { calls = {} }, { ... }
  function client:RunTask(parameters)
    table.insert(self.calls, parameters)
    local answer = answers[math.min(#self.calls, #answers)]
    if answer.code then return nil, answer.err or "ecs:RunTask: no", answer.code, answer.details end
    return answer
  end
  function client:DescribeTasks(parameters)
    self.described = parameters
    return self.task and { tasks = { self.task } } or nil, "no answer", "Timeout"
  end
  return client
end

local function new(client)
  local told = {}
  local one = placement.new(client, 1000, function(err, code) told[#told + 1] = { err, code } end)
  return one, told
end

local function parameters()
  return { cluster = "fleet", taskDefinition = "job", startedBy = "spec/1" }
end

local STARTED = { tasks = { { taskArn = "task", startedBy = "spec/1" } }, failures = {} }

local function task(body)
  return function() scheduler.run(body) end
end

describe("a placement", function()
  -- RunTask waits for its turn. A watcher that was suspended meanwhile ran what another one had.
  it("is not made for a message whose lease has lapsed", task(function()
    local client = scripted(STARTED)
    local one = new(client)
    local _, _, code = one:run("id", parameters(), function() return true end)
    assert.are.equal("LeaseLapsed", code)
    assert.are.equal(0, #client.calls)
    assert.are.equal("task", one:run("id", parameters(), function() return false end).taskArn)
  end))

  -- The token was made of the receive count. A receive that was taken back had the token of before:
  -- ECS answered with the task that had been stopped, for 24 hours, and the breaker opened.
  it("has a token that no other one has, for the same message too", task(function()
    local client, seen = scripted(STARTED), {}
    local one = new(client)
    for _ = 1, 20 do assert.are.equal("task", one:run("id", parameters()).taskArn) end
    for _, call in ipairs(client.calls) do
      assert.is_true(#call.clientToken <= 64)
      assert.is_nil(seen[call.clientToken])
      seen[call.clientToken] = true
    end
  end))

  it("whose answer was lost is asked for again by the very same call", task(function()
    for _, code in ipairs { "Timeout", "ConnectionLost", "ServerException", "Http502",
      "ThrottlingException" } do
      local client = scripted({ code = code }, { code = code }, STARTED)
      local one = new(client)
      for _ = 1, 2 do assert.are.equal("NoRoom", select(3, one:run("id", parameters()))) end
      -- The policy was changed meanwhile: with other parameters the token would be a conflict.
      local changed = parameters()
      changed.taskDefinition = "job:2"
      assert.are.equal("task", one:run("id", changed).taskArn)
      assert.are.equal(client.calls[1], client.calls[2])
      assert.are.equal(client.calls[1], client.calls[3])
      one:run("id", parameters())
      assert.are_not.equal(client.calls[1].clientToken, client.calls[4].clientToken)
    end
  end))

  -- The task of an answer with a number in its list had started, and a second one was.
  it("whose answer makes no sense is asked for again by the very same call", task(function()
    for _, tasks in ipairs { { 7 }, { {} }, { { taskArn = 7 } }, "x", 7, { a = 1 } } do
      local client = scripted({ tasks = tasks, failures = 7 }, STARTED)
      local one = new(client)
      local started, err, code = one:run("id", parameters())
      assert.is_nil(started)
      assert.are.same({ "ecs:RunTask: the answer makes no sense", "NoRoom" }, { err, code })
      assert.are.equal("task", one:run("id", parameters()).taskArn)
      assert.are.equal(client.calls[1].clientToken, client.calls[2].clientToken)
    end
  end))

  it("that was answered is another one the next time", task(function()
    for _, answer in ipairs {
      { failures = { { reason = "RESOURCE:MEMORY" } } }, { tasks = {}, failures = {} }, {},
      { code = "InvalidParameterException" }, { code = "AccessDeniedException" },
      { code = "SomethingNew" },
    } do
      local client = scripted(answer, STARTED)
      local one = new(client)
      assert.is_nil((one:run("id", parameters())))
      assert.are.equal("task", one:run("id", parameters()).taskArn)
      assert.are_not.equal(client.calls[1].clientToken, client.calls[2].clientToken)
    end
  end))

  it("of one message is not that of another", task(function()
    local client = scripted({ code = "Timeout" }, STARTED)
    local one = new(client)
    one:run("id", parameters())
    one:run("other", parameters())
    assert.are_not.equal(client.calls[1].clientToken, client.calls[2].clientToken)
    assert.is_truthy(one:lost "id")
    assert.is_nil(one:lost "other")
  end))
end)

describe("a token that is in use", function()
  local CONFLICT = { code = "ConflictException", err = "in use",
    details = { resourceIds = { "first" } } }

  -- It was a failure of the job, although its task ran.
  it("names the task, which is that of the message", task(function()
    local client = scripted(CONFLICT)
    client.task = { taskArn = "first", startedBy = "spec/1" }
    local one = new(client)
    assert.are.equal("first", one:run("id", parameters()).taskArn)
    assert.are.same({ cluster = "fleet", tasks = { "first" } }, client.described)
    assert.is_nil(one:lost "id")
  end))

  it("is asked again later where the task cannot be looked at", task(function()
    local client = scripted(CONFLICT)
    local one = new(client)
    local started, err, code = one:run("id", parameters())
    assert.is_nil(started)
    assert.are.equal("NoRoom", code)
    assert.matches("in use; the task that has it could not be described: no answer", err)
    assert.is_truthy(one:lost "id")
  end))

  it("is given up where the task is another message's, or not named", task(function()
    for _, details in ipairs { { resourceIds = { "first" } }, {}, { resourceIds = "x" }, false } do
      local client = scripted({ code = "ConflictException", details = details or nil }, STARTED)
      client.task = { taskArn = "first", startedBy = "spec/2" }
      local one = new(client)
      assert.are.equal("NoRoom", select(3, one:run("id", parameters())))
      assert.are.equal("task", one:run("id", parameters()).taskArn)
      assert.are_not.equal(client.calls[1].clientToken, client.calls[2].clientToken)
    end
  end))
end)

describe("a refusal", function()
  it("that is not known is reported once, with its whole text", task(function()
    local one, told = new(scripted { failures = { { reason = "SOMETHING:NEW",
      detail = "and why" } } })
    for _ = 1, 3 do
      local _, err, code = one:run("id", parameters())
      assert.are.equal("PlacementFailed", code)
      assert.are.equal("the task could not be placed: SOMETHING:NEW: and why", err)
    end
    assert.are.equal(1, #told)
    assert.matches("SOMETHING:NEW: and why", told[1][1])
  end))

  it("for a permission says which, with AWS's words", task(function()
    local one = new(scripted { code = "AccessDeniedException",
      err = "ecs:RunTask: no identity-based policy allows it" })
    local _, err, code = one:run("id", parameters())
    assert.are.equal("AccessDeniedException", code)
    assert.matches("do not allow 'ecs:RunTask' on 'job'.*no identity%-based policy", err)
  end))

  it("by throttling slows the calls down, in failures too", task(function()
    for _, answer in ipairs { { code = "ThrottlingException" },
      { failures = { { reason = "Rate exceeded" } } } } do
      local one = new(scripted(answer))
      assert.are.equal("NoRoom", select(3, one:run("id", parameters())))
      assert.is_true(one.budget.rate < 1000)
    end
  end))
end)
