-- Messages that are too big for their way, from one end to the other: the program, the suite's own
-- SQS, SNS, S3 and ECS, whose tasks really run.

local cjson = require "cjson"
local cloud = require "support.cloud"
local core = require "watchbot.core".aws
local ecs_server = require "support.ecs_server"
local ecs_stack = require "support.ecs_stack"
local pointer = require "watchbot.overflow.pointer"
local workshop = require "support.workshop"

local task = workshop.task

local BURIED, RETRIED = "failed, moved to the dead-letter queue", "failed, will retry"

local FOLDER = "s3://big-messages/jobs"

-- A watcher ends after its poll: one that does not wait lets it end at once. Nothing else depends
-- on it.
local POLICY = [[
  local policy = require "watchbot".policy {
    task = { cluster = "fleet", definition = "job", container = "main" },
    workers = 20, placements = 100, visibility = 5,
    %s
  }
  function policy:backoff() return 0 end
  function policy:poll(state) return state.free, 0 end
  return policy
]]

-- 1 MiB that no part of is like another.
local function big(size)
  local parts, length = {}, 0
  while length < size do
    parts[#parts + 1] = core.sha256(tostring(#parts))
    length = length + 64
  end
  return table.concat(parts):sub(1, size)
end

-- `run --drain` looks three times, each for a second, before it believes that a queue is empty:
-- most of what this file took. Here the queue is known to be empty.
local function drain(stack)
  local watcher = stack:watch()
  workshop.eventually(function()
    return stack:left() == 0 or watcher:wait(0)
  end, "the queue is empty")
  watcher:kill "TERM"
  local _, said, log = stack:finish(watcher)
  assert(stack:left() == 0, log:sub(-4000))
  return said, log
end

describe("a message that is too big", function()
  local server

  setup(function() server = ecs_server.start() end)
  teardown(function() server:close() end)

  local function stack_of(folder, script, fields)
    local stack = ecs_stack.new(server, folder, script)
    -- A watcher hears of a task's end at once, instead of looking once a second.
    stack:listen()
    server:knobs { buckets = { ["big-messages"] = "us-east-1", foreign = "us-east-1" } }
    folder:write("policy.lua", POLICY:format(fields or ("overflow = %q,"):format(FOLDER)))
    return stack
  end

  local function program(folder, arguments, more)
    local variables = server:environment()
    for name, value in pairs(more or {}) do variables[name] = value end
    return workshop.run(folder, arguments, variables)
  end

  local function objects()
    local found = {}
    for key in pairs(server:objects()["big-messages"] or {}) do found[#found + 1] = key end
    table.sort(found)
    return found
  end

  -- Each task notes the digest of what it got, in two ways.
  local FETCH = ([[
    { curl -sS "$MessageUrl" | sha256sum; %q message | sha256sum; %q message whole
      sha256sum < whole; echo "$MessageBucket $MessageKey ${Message-none}"; } >> done]])
    :format(workshop.program, workshop.program)

  it("reaches an ECS task by S3, and its object is deleted after it", task(function(folder)
    local stack, body = stack_of(folder, FETCH), big(900 * 1024)
    local id = stack:send { body } [body]
    local said, log = drain(stack)
    assert.are.same({ "success" }, ecs_stack.outcomes(said[id]), log)
    local lines = folder:lines "done"
    local digest = core.sha256(body) .. "  -"
    assert.are.same({ digest, digest, digest, "big-messages jobs/task/" .. id .. " none" }, lines)
    assert.are.same({ 0, {} }, { stack:left(), objects() })
  end))

  -- What fits goes as before, and nothing is stored.
  it("is one that its overrides cannot hold", task(function(folder)
    local stack = stack_of(folder, 'echo "${MessageUrl-none} $Message" >> done')
    stack:send { "small" }
    drain(stack)
    assert.are.same({ "none small" }, folder:lines "done")
    for _, call in ipairs(server:calls "RunTask") do
      assert.is_nil(cjson.encode(call.parameters):find("MessageBucket", 1, true))
    end
  end))

  -- Attributes were left out to make room for a message whose body was in S3 anyway.
  it("goes through S3 before anything is left out", task(function(folder)
    local stack = stack_of(folder,
      'echo "$MessageAttributes" >> done; curl -sS "$MessageUrl" > got')
    local attribute = ("a"):rep(4000)
    assert(stack.sqs:SendMessage {
      QueueUrl = stack.queue, MessageBody = ("b"):rep(5000),
      MessageAttributes = { note = { DataType = "String", StringValue = attribute } },
    })
    drain(stack)
    assert.matches(attribute, folder:read "done")
    assert.are.equal(("b"):rep(5000), folder:read "got")
  end))

  it("keeps its object while it is retried, and as a dead letter", task(function(folder)
    local stack = stack_of(folder, "exit 1")
    assert(stack.sqs:CreateQueue { QueueName = "dead" })
    assert(stack.sqs:SetQueueAttributes { QueueUrl = stack.queue, Attributes = {
      RedrivePolicy = cjson.encode { maxReceiveCount = 2,
        deadLetterTargetArn = "arn:aws:sqs:us-east-1:123456789012:dead" },
    } })
    local id = stack:send { big(20000) } [big(20000)]
    local said = drain(stack)
    assert.are.same({ RETRIED, RETRIED }, ecs_stack.outcomes(said[id]))
    assert.are.same({ "jobs/task/" .. id }, objects())
  end))

  -- A delete that SQS did not confirm must not take the body with it.
  it("keeps its object until SQS has confirmed the delete", task(function(folder)
    local stack = stack_of(folder, "true")
    local id = stack:send { big(20000) } [big(20000)]
    server:knobs { faults = { { operation = "DeleteMessageBatch", count = 4, status = 503 } } }
    local watcher = stack:watch "--drain"
    workshop.eventually(function() return #objects() == 1 end, "the message is stored")
    workshop.eventually(function()
      local stored = #objects()
      if stack:left() == 0 then return true end
      assert.are.equal(1, stored)
    end, "the message is deleted")
    local said = select(2, stack:finish(watcher))
    assert.are.same({ "success" }, ecs_stack.outcomes(said[id]))
    assert.are.same({ 0, {} }, { stack:left(), objects() })
  end))

  it("is buried where the policy has no overflow", task(function(folder)
    local stack = stack_of(folder, "true", "")
    assert(stack.sqs:CreateQueue { QueueName = "dead" })
    assert(stack.sqs:SetQueueAttributes { QueueUrl = stack.queue, Attributes = {
      RedrivePolicy = cjson.encode { maxReceiveCount = 2,
        deadLetterTargetArn = "arn:aws:sqs:us-east-1:123456789012:dead" },
    } })
    local id = stack:send { big(20000) } [big(20000)]
    assert.are.same({ BURIED }, ecs_stack.outcomes(drain(stack)[id]))
  end))

  -- The task of a watcher that died is found: it has not stored the message itself.
  it("is deleted by a watcher that found the task of another", task(function(folder)
    local stack = stack_of(folder, "while ! [ -e go ]; do sleep 0.05; done")
    local id = stack:send { big(20000) } [big(20000)]
    local first = stack:watch()
    workshop.eventually(function() return #stack:tasks() == 1 end, "its task runs")
    first:kill "KILL"
    first:wait(workshop.PATIENCE)
    local second = stack:watch "--drain"
    workshop.eventually(function()
      return folder:write("go", "") and stack:left() == 0
    end, "the message is gone")
    local said = select(2, stack:finish(second))
    assert.are.same({ "success" }, ecs_stack.outcomes(said[id]))
    assert.are.same({}, objects())
    assert.are.equal(1, #server:calls "RunTask")
  end))

  -- By the policy's fault no message ends: not by its permission, not by its bucket.
  for name, case in pairs {
    ["may not be stored"] = { deny = "s3:PutObject", code = "NotAllowed",
      words = "the credentials do not allow 's3:PutObject' on s3://big%-messages/jobs/task/" },
    ["has no bucket"] = { fields = 'overflow = "s3://no-bucket/x",', code = "NoSuchBucket",
      words = "The specified bucket does not exist" },
  } do
    it("is the policy's fault where it " .. name, task(function(folder)
      local stack = stack_of(folder, "true", case.fields)
      local id = stack:send { big(20000) } [big(20000)]
      local keys = cloud.of(server):user(case.deny)
      local watcher = stack:watch(nil, nil, {
        AWS_ACCESS_KEY_ID = keys.access_key, AWS_SECRET_ACCESS_KEY = keys.secret_key,
      })
      workshop.eventually(function() return stack:left() == 1 and #objects() == 0
        and watcher:output():find(case.words) end, "the failure is logged")
      watcher:kill "TERM"
      local said = select(2, stack:finish(watcher))
      for _, line in ipairs(said[id]) do
        assert.is_true(line.outcome == nil or line.outcome == RETRIED, cjson.encode(line))
      end
      assert.are.equal(1, stack:left())
      assert.are.same({}, server:calls "RunTask")
    end))
  end

  it("is held while S3 does not answer", task(function(folder)
    local stack = stack_of(folder, "true")
    server:knobs { faults = { { operation = "PutObject", count = 4, status = 503,
      code = "SlowDown" } } }
    local id = stack:send { big(20000) } [big(20000)]
    local said = drain(stack)
    assert.are.same({ "success" }, ecs_stack.outcomes(said[id]))
    assert.are.equal("true", said[id][2].failedPlacement)
  end))

  it("of 1 MiB goes through SNS, SQS, S3 and ECS and comes back whole", task(function(folder)
    local stack = stack_of(folder, ([[%q message > got]]):format(workshop.program))
    local sns, body = server:client "sns", big(1 << 20)
    local topic = assert(sns:CreateTopic { Name = "work" }).TopicArn
    assert(sns:Subscribe { TopicArn = topic, Protocol = "sqs",
      Endpoint = "arn:aws:sqs:us-east-1:123456789012:jobs" })
    local exit, _, problem = program(folder, { "send", "--topic", topic, "--overflow", FOLDER,
      "--subject", "big", "--attribute", "kind=tile" }, { stdin = body .. "\n" })
    assert.are.equal(0, exit.code, problem)
    local sent = objects()
    assert.matches("^jobs/shared/%x+%-", sent[1])
    drain(stack)
    assert.are.equal(core.sha256(body), core.sha256(folder:read "got"))
    -- Other queues of the topic may not have read it yet.
    assert.are.same({ 0, sent }, { stack:left(), objects() })
  end))

  -- The carriers of a trace were left out, because the message had no room for them.
  it("keeps its trace and its baggage, and makes room for its size", task(function(folder)
    local stack = stack_of(folder, 'echo "$TRACEPARENT $TRACESTATE $BAGGAGE" >> done')
    local parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    local variables = { TRACEPARENT = parent, TRACESTATE = "a=1", BAGGAGE = "b=2",
      stdin = big(2 << 20) .. "\n" }
    local exit, _, problem = program(folder,
      { "send", "--queue", stack.queue, "--overflow", FOLDER }, variables)
    assert.are.equal(0, exit.code, problem)
    assert.are.equal("", problem)
    drain(stack)
    assert.matches("^00%-0af7651916cd43dd8448eb211c80319c%-%x+%-01 a=1 b=2$",
      folder:lines "done"[1])
    -- Ten attributes with those of the trace: the size of the body is the eleventh.
    local arguments = { "send", "--queue", stack.queue, "--overflow", FOLDER }
    for index = 1, 7 do
      arguments[#arguments + 1] = "--attribute"
      arguments[#arguments + 1] = ("n%d=v"):format(index)
    end
    variables.stdin = big(2 << 20) .. "\n"
    exit, _, problem = program(folder, arguments, variables)
    assert.are.equal(0, exit.code, problem)
    drain(stack)
    assert.matches("^00%-0af7651916cd43dd8448eb211c80319c%-%x+%-01 a=1 $", folder:lines "done"[2])
  end))

  -- Each runner gets the body: a process in a file, a function as its message.
  for name, work in pairs {
    command = [[command = 'cat "$MessageFile" > got; echo "$MessageAttributes" > attributes',]],
    handler = [[handler = function(job)
      local out = io.open(FOLDER .. "/got", "w")
      out:write(job.message)
      out:close()
      out = io.open(FOLDER .. "/attributes", "w")
      out:write(job:attributes_json())
      out:close()
    end,]],
  } do
    it("is read from S3 for a " .. name .. ", and deleted after it", task(function(folder)
      local stack, body = stack_of(folder, "true"), big(2 << 20)
      local exit, _, problem = program(folder, { "send", "--queue", stack.queue,
        "--overflow", FOLDER, "--attribute", "kind=tile" }, { stdin = body .. "\n" })
      assert.are.equal(0, exit.code, problem)
      assert.matches("^jobs/message/%x+%-", objects()[1])
      folder:write("policy.lua", ([[local FOLDER = %q
        return require "watchbot".policy { overflow = %q, queue = %q, %s }]]):format(folder.path,
        FOLDER, stack.queue, work))
      local log
      exit, log, problem = program(folder, { "run", "--drain", "policy.lua" })
      assert.are.equal(0, exit.code, log .. problem)
      assert.are.equal(core.sha256(body), core.sha256(folder:read "got"))
      assert.matches("tile", folder:read "attributes")
      assert.is_nil(folder:read "attributes":find "PayloadSize")
      assert.are.same({ 0, {} }, { stack:left(), objects() })
    end))
  end

  -- The lifecycle counts from the last write: a letter that was replayed would have died without
  -- its body.
  it("has its old object written again, by a watcher that retries it", task(function(folder)
    local stack = stack_of(folder, "exit 4")
    local exit, _, problem = program(folder, { "send", "--queue", stack.queue,
      "--overflow", FOLDER }, { stdin = big(2 << 20) .. "\n" })
    assert.are.equal(0, exit.code, problem)
    server:knobs { age_objects = 2 * 86400 }
    local key = objects()[1]
    local watcher = stack:watch()
    workshop.eventually(function()
      return server:objects()["big-messages"][key].at > os.time() - 3600
    end, "the object is new")
    watcher:kill "TERM"
    stack:finish(watcher)
    assert.are.equal(core.sha256(big(2 << 20)), server:objects()["big-messages"][key].sha256)
  end))

  local function point(stack, at, attribute)
    return assert(stack.sqs:SendMessage {
      QueueUrl = stack.queue, MessageBody = pointer.write(at),
      MessageAttributes = { [attribute or "ExtendedPayloadSize"] = {
        DataType = "Number", StringValue = "8" } },
    }).MessageId
  end

  local function put(at, body)
    assert(server:client "s3":PutObject { Bucket = at.bucket, Key = at.key, Body = body })
  end

  local function bury_at(stack)
    local dead = assert(stack.sqs:CreateQueue { QueueName = "dead" }).QueueUrl
    assert(stack.sqs:SetQueueAttributes { QueueUrl = stack.queue, Attributes = {
      RedrivePolicy = cjson.encode { maxReceiveCount = 5,
        deadLetterTargetArn = "arn:aws:sqs:us-east-1:123456789012:dead" },
    } })
    return function()
      local all = assert(stack.sqs:ReceiveMessage { QueueUrl = dead,
        MessageAttributeNames = { "All" } }).Messages or {}
      return all[1]
    end
  end

  -- Other programs may read the object, too: only what watchbot has written itself is deleted.
  it("that another program has stored is read and kept", task(function(folder)
    local stack = stack_of(folder, 'echo "$Message" >> done')
    local at = { bucket = "big-messages", key = "jobs/6e3a5d10-8d4a" }
    put(at, "the body")
    point(stack, at)
    point(stack, at, "SQSLargePayloadSize")
    drain(stack)
    assert.are.same({ "the body", "the body" }, folder:lines "done")
    assert.are.same({ at.key }, objects())
  end))

  -- The object of a pointer serves the task as it is: it is not stored a second time.
  it("that another program has stored reaches an ECS task where it is", task(function(folder)
    local stack = stack_of(folder, 'curl -sS "$MessageUrl" > got; echo "$MessageKey" > key')
    local at = { bucket = "big-messages", key = "jobs/a//b c" }
    put(at, big(20000))
    point(stack, at)
    drain(stack)
    assert.are.same({ big(20000), at.key .. "\n" }, { folder:read "got", folder:read "key" })
    assert.are.same({ at.key }, objects())
  end))

  -- A sender could have the watcher read, and delete, whatever its role may.
  for name, at in pairs {
    ["another bucket"] = { bucket = "foreign", key = "jobs/message/secret" },
    ["another folder"] = { bucket = "big-messages", key = "jobsecrets/message/secret" },
    ["a folder above"] = { bucket = "big-messages", key = "message/secret" },
  } do
    it("in " .. name .. " is buried unread", task(function(folder)
      local stack = stack_of(folder, 'echo "$Message" >> done')
      local letter = bury_at(stack)
      put(at, "secret")
      local id = point(stack, at)
      local said = drain(stack)
      assert.are.same({ BURIED }, ecs_stack.outcomes(said[id]))
      assert.matches("outside of 'overflow' %(s3://big%-messages/jobs%)", said[id][1].reason)
      assert.are.same({}, folder:lines "done")
      assert.are.equal(pointer.write(at), letter().Body)
      assert.is_table(server:objects()[at.bucket][at.key])
    end))
  end

  -- The task got whatever the object had become: half of a message, or nothing.
  for name, text in pairs { ["cut off"] = ("x"):rep(1000), ["made empty"] = "" } do
    it("whose object was " .. name .. " is buried", task(function(folder)
      local stack = stack_of(folder, 'echo "$Message" >> done')
      local letter = bury_at(stack)
      local exit, _, problem = program(folder, { "send", "--queue", stack.queue,
        "--overflow", FOLDER }, { stdin = big(2 << 20) .. "\n" })
      assert.are.equal(0, exit.code, problem)
      put({ bucket = "big-messages", key = objects()[1] }, text)
      local _, log = drain(stack)
      assert.matches(("has %d bytes, and %d were stored"):format(#text, 2 << 20), log, 1, true)
      assert.are.same({}, folder:lines "done")
      assert.matches("PayloadS3Pointer", letter().Body)
      assert.are.equal(1, #objects())
    end))
  end

  it("whose body is gone is buried, with its attributes", task(function(folder)
    local stack = stack_of(folder, "true")
    local letter = bury_at(stack)
    local at = { bucket = "big-messages", key = "jobs/message/gone" }
    local id = point(stack, at)
    local said = drain(stack)
    assert.are.same({ BURIED }, ecs_stack.outcomes(said[id]))
    assert.matches("the body of the message is gone", said[id][1].reason)
    local dead = letter()
    assert.are.equal(pointer.write(at), dead.Body)
    assert.are.equal("8", dead.MessageAttributes.ExtendedPayloadSize.StringValue)
  end))

  it("is a pointer for the task where the policy has no overflow", task(function(folder)
    local stack = stack_of(folder, 'echo "$Message" >> done', "")
    local at = { bucket = "foreign", key = "k" }
    point(stack, at)
    local said, log = drain(stack)
    assert.are.same({ pointer.write(at) }, folder:lines "done")
    assert.is_table(said)
    assert.matches("the policy has no 'overflow'", log)
  end))
end)
