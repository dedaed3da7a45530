-- SQS moves dead letters by itself. moto cannot, so a server answers as SQS does, step by step.

local cjson = require "cjson"
local http = require "watchbot.http"
local move_task = require "watchbot.dead_letters.move_task"
local scheduler = require "watchbot.scheduler"
local server = require "support.server"
local sqs = require "watchbot.queue.sqs"
local tmux = require "support.tmux"
local workshop = require "support.workshop"

local ARN = "arn:aws:sqs:eu-west-1:123456789012:dead"

describe("a message move task", function()
  local scripted

  setup(function() scripted = server.start("python3", "spec/support/scripted.py") end)
  teardown(function() scripted:close() end)

  local function tell(steps)
    local script = {}
    for index, step in ipairs(steps) do
      script[index] = {
        body = cjson.encode(step.answer or step), status = step.status, for_ever = step.for_ever,
      }
    end
    assert(assert(http.request { method = "PUT", url = scripted.url .. "/script",
      body = cjson.encode(script) }).status == 200)
  end

  -- What was asked: { { "StartMessageMoveTask", { parameters } } ... }
  local function asked()
    local all = {}
    for index, request in ipairs(cjson.decode(assert(http.request { url = scripted.url
      .. "/log" }).body)) do
      all[index] = { request.headers["x-amz-target"]:match "%.(%w+)$", cjson.decode(request.body) }
    end
    return all
  end

  local function queue()
    local client = require "watchbot.aws"("sqs", {
      region = "eu-west-1", endpoint = scripted.url, credentials = false, getenv = function() end,
      retry = { base = 0.001, throttled_base = 0.002, cap = 0.01 },
    })
    return assert(sqs.open("https://sqs.eu-west-1.amazonaws.com/123456789012/dead", {
      client = client,
    }))
  end

  local function task_of(status, more)
    local task = { Status = status, SourceArn = ARN, StartedTimestamp = 2000 }
    for name, value in pairs(more or {}) do task[name] = value end
    return { Results = { task } }
  end

  local function refused(code)
    return { status = 400, answer = { __type = "com.amazonaws.sqs#" .. code, message = "no" } }
  end

  local function run(steps, options)
    tell(steps)
    local words = {}
    options = options or {}
    options.tell = function(text) words[#words + 1] = text end
    local count, err, code = move_task.run(queue(), ARN, options)
    return count, err, code, words
  end

  local function task(body)
    return function() scheduler.run(body) end
  end

  it("is started, and watched until it is done", task(function()
    local count, _, _, words = run({
      -- one of yesterday
      task_of("COMPLETED", { StartedTimestamp = 1000, ApproximateNumberOfMessagesMoved = 99 }),
      { TaskHandle = "handle" },
      -- the list is late
      task_of("COMPLETED", { StartedTimestamp = 1000, ApproximateNumberOfMessagesMoved = 99 }),
      task_of("RUNNING", {
        ApproximateNumberOfMessagesMoved = 7, ApproximateNumberOfMessagesToMove = 12,
      }),
      task_of("COMPLETED", { ApproximateNumberOfMessagesMoved = 12 }),
    }, { rate = 12.7, destination = "arn:main" })
    assert.are.equal(12, count)
    assert.are.same({ "SQS has moved 7 of about 12" }, words)
    local calls = asked()
    assert.are.same({ "StartMessageMoveTask", {
      SourceArn = ARN, DestinationArn = "arn:main", MaxNumberOfMessagesPerSecond = 12,
    } }, calls[2])
    assert.are.equal(5, #calls)
  end))

  it("asks for a rate that SQS takes", task(function()
    for rate, taken in pairs { [0.2] = 1, [9000] = 500 } do
      run({ {}, { TaskHandle = "h" }, task_of "COMPLETED" }, { rate = rate })
      assert.are.equal(taken, asked()[2][2].MaxNumberOfMessagesPerSecond)
    end
  end))

  it("of somebody else is watched like ours", task(function()
    assert.are.equal(3, (run {
      task_of("RUNNING", { TaskHandle = "theirs" }),
      task_of("COMPLETED", { ApproximateNumberOfMessagesMoved = 3 }),
    }))
    assert.are.equal(4, (run {
      {}, refused "UnsupportedOperation", task_of("RUNNING", { TaskHandle = "theirs" }),
      task_of("COMPLETED", { ApproximateNumberOfMessagesMoved = 4 }),
    }))
  end))

  it("that is refused is told so", task(function()
    for _, code in ipairs { "AccessDeniedException", "UnsupportedOperation",
      "ResourceNotFoundException" } do
      local count, err, found = run { {}, refused(code), {} }
      assert.is_nil(count)
      assert.is_string(err)
      assert.are.equal("Refused", found)
    end
  end))

  it("that fails is told with how far it came, and why", task(function()
    local count, err, code = run {
      {}, { TaskHandle = "h" },
      task_of("FAILED", {
        ApproximateNumberOfMessagesMoved = 5, FailureReason = "CouldNotDetermineMessageSource",
      }),
    }
    assert.is_nil(count)
    assert.are.equal("SQS moved 5 messages, then ended the task (CouldNotDetermineMessageSource)",
      err)
    assert.are.equal("Failed", code)
  end))

  it("is cancelled when whoever waits for it is", task(function()
    tell {
      {}, { TaskHandle = "handle" },
      { for_ever = true, answer = task_of("RUNNING", { TaskHandle = "handle" }) },
    }
    local work = scheduler.spawn(move_task.run, queue(), ARN, { tell = function() end })
    workshop.eventually(function() return #asked() >= 3 end, "it is watched")
    work:cancel "enough"
    assert.is_false((work:join()))
    local calls = asked()
    assert.are.same({ "CancelMessageMoveTask", { TaskHandle = "handle" } }, calls[#calls])
  end))

  -- The whole program: where the queue is, and its environment.
  local function program()
    return scripted.url .. "/123456789012/jobs", {
      AWS_ENDPOINT_URL = scripted.url, AWS_ACCESS_KEY_ID = "AKID", AWS_SECRET_ACCESS_KEY = "secret",
      AWS_REGION = "eu-west-1",
      AWS_SESSION_TOKEN = false, AWS_PROFILE = false, AWS_CONFIG_FILE = "/dev/null",
      AWS_EC2_METADATA_DISABLED = "true",
      AWS_SHARED_CREDENTIALS_FILE = "/dev/null",
    }
  end

  local main = { Attributes = { QueueArn = "arn:aws:sqs:eu-west-1:123456789012:jobs",
    RedrivePolicy = cjson.encode {
    deadLetterTargetArn = ARN, maxReceiveCount = 10 } } }

  -- A task is started, and then: these answers.
  local function tell_started(url, ...)
    local dead = { Attributes = { QueueArn = ARN, ApproximateNumberOfMessages = "12" } }
    tell { main, dead, { queueUrls = { url } }, main, {}, { TaskHandle = "h" }, ... }
  end

  it("shows at a terminal how far it is", workshop.task(function(folder)
    local url, environment = program()
    tell_started(url, { for_ever = true, answer = task_of("RUNNING", {
      ApproximateNumberOfMessagesMoved = 7, ApproximateNumberOfMessagesToMove = 12,
    }) })
    local screen <close> =
      tmux.start(folder, ("%s dead-letter replay --queue %s"):format(workshop.program, url),
      environment)
    screen:shows "SQS has moved 7 of about 12"
    tell { task_of("COMPLETED", { ApproximateNumberOfMessagesMoved = 12 }) }
    local status, text = screen:ends()
    assert.are.equal(0, status)
    assert.matches("12 messages back in the queue", text)
    assert.is_nil(text:find "SQS has moved")
  end))

  it("replays everything for the program, and what it leaves is done one by one",
    workshop.task(function(folder)
    local url, environment = program()
    local function replay(...)
      tell_started(url, ...)
      return workshop.run(folder, { "dead-letter", "replay", "--queue", url, "--rate", "50" },
        environment)
    end
    local exit, out, problem = replay(task_of("COMPLETED", {
      ApproximateNumberOfMessagesMoved = 12,
    }))
    assert.are.same({ 0, "12 messages back in the queue\n", "" }, { exit.code, out, problem })
    assert.are.same({ "StartMessageMoveTask", {
      SourceArn = ARN, DestinationArn = main.Attributes.QueueArn, MaxNumberOfMessagesPerSecond = 50,
    } }, asked()[6])
    exit, out, problem =
      replay(task_of("FAILED", { FailureReason = "CouldNotDetermineMessageSource" }), {})
    assert.are.same({ 0, "0 messages back in the queue\n" }, { exit.code, out })
    assert.matches("CouldNotDetermineMessageSource.*one by one", problem)
    local calls = asked()
    assert.are.equal("ReceiveMessage", calls[#calls][1])
  end))
end)
