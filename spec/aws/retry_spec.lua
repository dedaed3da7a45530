local json = require "watchbot.lib.json"
local retry = require "watchbot.aws.retry"

-- The published cases, and additional ones in the same form.
local FILES = { "../shared/vectors/retry/standard-retry-classic.json", "spec/aws/retry_cases.json" }

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local bytes = file:read "a"
  file:close()
  return assert(json.decode(bytes))
end

local function always(value)
  return function() return value end
end

-- Steps are one call after another, for the attempts go on until a call has ended.
local function check_case(case)
  local given = case.given
  -- The published cases are of the time before November 2026.
  local bucket = retry.new {
    cost = given.cost or 5, throttled_cost = given.throttled_cost or 5,
    max_attempts = given.max_attempts, base = given.exponential_base,
    throttled_base = given.throttled_base,
    cap = given.max_backoff_time, random = always(1),
  }
  bucket.tokens = given.initial_retry_tokens
  local tries
  for _, step in ipairs(case.responses) do
    tries = tries or bucket:start(given.long_poll)
    local response, expected = step.response, step.expected
    local outcome, pause, before = "success", nil, nil
    if response.status_code == 200 then
      tries:succeeded()
    else
      pause, outcome, before = tries:failed {
        status = response.status_code,
        code = response.code or "Http" .. (response.status_code or 0), message = "",
        retry_after = response.retry_after, aws_retry_after = response.aws_retry_after,
      }
      outcome = pause and "retry_request" or outcome
    end
    assert.are.equal(expected.outcome, outcome)
    assert.are.equal(expected.delay, pause)
    assert.are.equal(expected.retry_quota, bucket.tokens)
    if expected.wait_before_return then assert.are.equal(expected.wait_before_return, before) end
    if not pause then tries = nil end
  end
end

describe("retry", function()
  for _, path in ipairs(FILES) do
    local file = read(path)
    describe("as in " .. path:match "[^/]*$" .. ":", function()
      if not file then
        pending("it is not on this machine: " .. path)
        return
      end
      for _, case in ipairs(file.cases) do
        it(case.name, function()
          assert.are.equal(2, case.given.exponential_power)
          check_case(case)
        end)
      end
    end)
  end

  it("waits a random share of the pause", function()
    local bucket = retry.new { base = 8, max_attempts = 1000, capacity = 1e6 }
    local shortest, longest = math.huge, 0
    for _ = 1, 500 do
      local pause = bucket:start():failed { code = "Http500", status = 500 }
      shortest, longest = math.min(shortest, pause), math.max(longest, pause)
    end
    assert.is_true(shortest >= 0 and shortest < 2)
    assert.is_true(longest > 6 and longest <= 8)
  end)

  it("never fills the bucket past its brim", function()
    local bucket = retry.new()
    for _ = 1, 10 do bucket:start():succeeded() end
    assert.are.equal(500, bucket.tokens)
  end)

  it("is that of the standard mode of November 2026", function()
    local bucket = retry.new { random = always(1) }
    local tries = bucket:start()
    assert.are.equal(0.05, (tries:failed { code = "Http500", status = 500 }))
    assert.are.equal(486, bucket.tokens)
    assert.are.equal(2, (tries:failed { code = "ThrottlingException", status = 400 }))
    assert.are.equal(481, bucket.tokens)
    local dynamodb =
      assert(require "watchbot.aws"("dynamodb",
      { region = "eu-west-1", getenv = function() end })).retry
    assert.are.equal(4, dynamodb.max_attempts)
    assert.are.equal(0.025, dynamodb.base)
  end)

  describe("tells", function()
    local kinds = {
      { "throttled", { code = "ThrottlingException", status = 400 } },
      { "throttled", { code = "RequestThrottled", status = 403 } },
      { "throttled", { code = "Http429", status = 429 } },
      { "throttled", { code = "SlowDown", status = 503 } },
      { "throttled", { code = "ClientException", status = 400, message = "Rate exceeded" } },
      { "transient", { code = "InternalFailure", status = 500 } },
      { "transient", { code = "RequestTimeout", status = 400 } },
      { "transient", { code = "Http504", status = 504 } },
      { "transient", { code = "ConnectFailed" } },
      -- It ended the watcher: STS had asked an identity provider that was away for a moment.
      { "transient", { code = "IDPCommunicationError", status = 400 } },
      { "transient", { code = "ReplicatedWriteConflictException", status = 400 } },
      { "throttled", { code = "KmsThrottled", status = 400 } },
      { "throttled", { code = "KMSThrottling", status = 400 } },
      { "throttled", { code = "Throttled", status = 429 } },
      -- An entry of a batch has a code alone.
      { "transient", { code = "InternalError" } },
      { "transient", { code = "ServiceUnavailable" } },
      { nil, { code = "KmsAccessDenied", status = 400 } },
      { nil, { code = "FilterPolicyLimitExceeded", status = 403 } },
      { "transient", { code = "BadAnswer", status = 200 } },
      { nil, { code = "AccessDenied", status = 403 } },
      { nil, { code = "Http501", status = 501 } },
      { nil, { code = "TlsFailed" } },
      { nil, { code = "TooLarge" } },
      { nil, { code = "NoCredentials" } },
    }
    for _, case in ipairs(kinds) do
      local kind, failure = table.unpack(case, 1, 2)
      it(("%s (%s) as %s"):format(failure.code, failure.status, kind), function()
        assert.are.equal(kind, (retry.kind(failure)))
      end)
    end

    it("what may have been applied", function()
      assert.is_true(retry.may_be_applied { code = "Http500", status = 500 })
      assert.is_true(retry.may_be_applied { code = "Timeout" })
      assert.is_true(retry.may_be_applied { code = "BadAnswer", status = 200 })
      assert.is_false(retry.may_be_applied { code = "SlowDown", status = 503 })
      assert.is_false(retry.may_be_applied { code = "ConnectFailed", unsent = true })
    end)
  end)

  it("pays for a long poll's row of failures by the longest, not by their sum", function()
    local bucket = retry.new { random = always(1) }
    local polls = { bucket:start "Receive", bucket:start "Receive", bucket:start "Receive" }
    for _, poll in ipairs(polls) do
      assert.are.equal(0.05, poll:failed { code = "Http500", status = 500 })
    end
    assert.are.equal(0.1, bucket:start "Receive":failed { code = "Http500", status = 500 })
  end)

  it("lets a long poll wait longer and longer, up to the cap, however long an outage lasts",
    function()
    local bucket = retry.new { random = always(1) }
    local last = 0
    for _ = 1, 400 do
      local poll = bucket:start "Receive"
      repeat
        local pause, _, before = poll:failed { code = "ConnectFailed", unsent = true }
        local wait = pause or before
        assert.is_true(wait >= last)
        last = wait
      until not pause
    end
    assert.are.equal(20, last)
    assert.is_true(bucket.tokens < bucket.cost)
    bucket:start "Receive":succeeded()
    bucket.tokens = 500
    assert.are.equal(0.05, bucket:start "Receive":failed { code = "ConnectFailed", unsent = true })
  end)
end)
