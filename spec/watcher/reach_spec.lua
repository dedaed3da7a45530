-- A watcher that started while SQS was away ended with an error: under a service manager it was
-- started again and again, and many of them together held up the recovery.

local cloud = require "support.cloud"
local leaping = require "support.leaping"
local reach = require "watchbot.watcher.reach"
local refresher = require "watchbot.aws.refresher"
local retry = require "watchbot.aws.retry"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local account, proxy

-- Answers checks one after the other; the last answer stays.
local function queue_with(...)
  local answers, asked = { ... }, {}
  return {
    asked = asked,
    check = function()
      asked[#asked + 1] = scheduler.now()
      local answer = answers[math.min(#asked, #answers)]
      if answer == true then return true end
      return nil, "it failed", answer
    end,
  }
end

local function journal()
  local lines = {}
  return { lines = lines, error = function(_, _, ...) lines[#lines + 1] = { ... } end,
    info = function(_, _, ...) lines[#lines + 1] = { ... } end }
end

local function wait(queue, ended)
  local log = journal()
  return log.lines, reach.wait {
    queue = queue, journal = log, ended = ended or scheduler.event(), err = "it failed",
    code = "ConnectFailed",
  }
end

describe("a queue that cannot be reached", function()
  it("is asked again with growing pauses, and logged once a minute", leaping.task(function()
    local failures = {}
    for index = 1, 40 do failures[index] = index % 2 == 0 and "ResolveFailed" or "Http503" end
    local queue = queue_with(table.unpack(failures))
    local ended = scheduler.event()
    scheduler.spawn(function()
      scheduler.sleep(600)
      ended:set()
    end)
    local lines, ok, err = wait(queue, ended)
    assert.are.same({ nil, nil }, { ok, err })
    assert.is_true(#lines >= 8 and #lines <= 11, #lines)
    assert.is_true(#queue.asked >= 20 and #queue.asked <= 50, #queue.asked)
    local last = queue.asked[#queue.asked] - queue.asked[#queue.asked - 1]
    assert.is_true(last >= 15 and last <= 30, last)
  end))

  it("is used as soon as it answers, and that is logged", leaping.task(function()
    local lines, ok = wait(queue_with("ConnectFailed", "Throttling", "Timeout", true))
    assert.is_true(ok)
    assert.are.same({ "error", "event" }, { lines[1][1], lines[#lines][1] })
    assert.are.equal("the queue answers", lines[#lines][2])
  end))

  it("ends the wait when it answers what will not change", leaping.task(function()
    local _, ok, err, code = wait(queue_with("ConnectFailed", "QueueDoesNotExist"))
    assert.are.same({ nil, "it failed", "QueueDoesNotExist" }, { ok, err, code })
  end))

  it("is one whose failure may pass, and nothing else", function()
    for _, code in ipairs {
      "ResolveFailed", "ConnectFailed", "ConnectTimeout", "Timeout", "ConnectionLost", "Truncated",
      "BadResponse", "BadAnswer", "Throttling", "ThrottlingException", "RequestThrottled",
      "ServiceUnavailable", "InternalError", "InternalFailure", "Http500", "Http502", "Http503",
      "Http504", "Http429", "KmsThrottled", "CredentialsUnavailable",
    } do
      assert.is_true(retry.is_passing(code), code)
    end
    for _, code in ipairs {
      "NotAllowed", "AccessDenied", "QueueDoesNotExist", "NonExistentQueue", "Http400", "Http403",
      "Http404", "Http301", "Http200", "InvalidClientTokenId", "SignatureDoesNotMatch", "Usage",
      "UnrecognizedClientException", "ExpiredToken", "NoCredentials", "BadCredentials",
      "TlsFailed", "BadUrl", "InvalidAddress", "BadProfile",
    } do
      assert.is_false(retry.is_passing(code), code)
    end
    assert.is_false(retry.is_passing(nil))
  end)
end)

-- The code of why credentials could not be loaded was dropped on the way: an STS that was away
-- looked like credentials that are missing.
it("credentials whose source does not answer are not missing ones", leaping.task(function()
  for code, told in pairs {
    ConnectFailed = "CredentialsUnavailable", Http503 = "CredentialsUnavailable",
    ThrottlingException = "CredentialsUnavailable", BadCredentials = "NoCredentials",
    AccessDenied = "NoCredentials",
  } do
    local provider = refresher.new(function() return nil, "it failed", code end)
    local keys, err, given = provider:get()
    assert.are.same({ nil, "no AWS credentials: it failed", told }, { keys, err, given })
  end
end))

cloud.around(function(...) account, proxy = ... end, "proxy")

describe("watchbot run", function()
  local function run_against(folder, rule, ...)
    local url = account:queue()
    assert(account.sqs:SendMessage { QueueUrl = url, MessageBody = "x" })
    proxy:clear()
    for _, one in ipairs { rule, ... } do proxy:add(one) end
    local variables = account:environment(nil, proxy.url)
    variables.QueueUrl = url
    return workshop.start(folder, { "run", "--", "sh", "-c", "echo done > done" }, variables), url
  end

  for name, rule in pairs {
    ["503"] = { kind = "status", status = 503, code = "ServiceUnavailable" },
    ["throttled"] = { kind = "status", status = 400, code = "RequestThrottled" },
    ["reset"] = { kind = "reset" }, ["garbled"] = { kind = "garbage" },
  } do
    it("waits for an SQS that is away at its start: " .. name, workshop.task(function(folder)
      rule.count = 4
      local child, url = run_against(folder, rule)
      workshop.eventually(function() return folder:read "done" == "done\n" end, "it is done")
      workshop.eventually(function() return account:count(url) == 0 end, "it is deleted")
      child:kill "TERM"
      assert.are.equal(0, child:wait(workshop.PATIENCE).code)
      local out = child:output()
      assert.matches("the queue cannot be reached, trying again", out)
      assert.matches('"event":"the queue answers"', out)
    end))
  end

  it("ends at once for what will not change, and after a passing failure, too",
    workshop.task(function(folder)
    local denied = { kind = "status", status = 403, code = "InvalidClientTokenId" }
    local child = run_against(folder, { kind = "status", status = 503, count = 4 }, denied)
    local exit = child:wait(workshop.PATIENCE)
    assert.are.equal(1, exit.code)
    assert.matches("InvalidClientTokenId", (select(2, child:output())))
    assert.are.equal("", folder:read "done")
  end))

  it("drains nothing from a queue that cannot be reached, and says so",
    workshop.task(function(folder)
    local exit, _, err = workshop.run(folder, { "run", "--drain", "--", "true" }, {
      QueueUrl = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs",
      AWS_ENDPOINT_URL = "http://127.0.0.1:1", AWS_ACCESS_KEY_ID = "a",
      AWS_SECRET_ACCESS_KEY = "b",
    })
    assert.are.equal(1, exit.code)
    assert.matches("ConnectFailed", err)
  end))
end)
