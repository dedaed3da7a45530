--- retry: whether and when a failed attempt is repeated. The standard mode of the AWS SDKs.
-- https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html, as of November 2026.
-- Each client has a token bucket: retries take tokens from it and successes refill it, so that an
-- outage does not triple the number of calls. Long polls that give up also pause, longer each time,
-- because their caller polls again at once.

local retry = {}

-- The codes of the page above, and those in the models of the services used here: KMS's throttling,
-- which SQS and SNS pass on, and their own names for it.
local THROTTLING = {
  KmsThrottled = true, KMSThrottling = true, ["KMS.ThrottlingException"] = true, Throttled = true,
  ConcurrentResourcesLimitExceeded = true,
  BandwidthLimitExceeded = true, EC2ThrottledException = true, LimitExceededException = true,
  OverLimit = true,
  PriorRequestNotComplete = true, ProvisionedThroughputExceededException = true,
  RequestLimitExceeded = true,
  RequestThrottled = true, RequestThrottledException = true, SlowDown = true,
  ThrottledException = true, Throttling = true,
  ThrottlingException = true, TooManyRequestsException = true,
  TransactionInProgressException = true, Http429 = true,
}

local TRANSIENT = {
  RequestTimeout = true, RequestTimeoutException = true, BadAnswer = true,
  -- Their status has the same meaning, but an entry of a batch has only a code.
  InternalError = true, InternalFailure = true, InternalServerError = true,
  InternalServiceError = true,
  InternalServerException = true, ServerException = true, ServiceUnavailable = true,
  ServiceUnavailableException = true,
  -- The models of STS and DynamoDB mark these as retryable.
  IDPCommunicationError = true, ReplicatedWriteConflictException = true,
  -- of watchbot.http
  ResolveFailed = true, ConnectFailed = true, ConnectTimeout = true, Timeout = true,
  ConnectionLost = true, Truncated = true,
  BadResponse = true,
}

local TRANSIENT_STATUS = { [500] = true, [502] = true, [503] = true, [504] = true }

-- Tokens added for a success without a retry.
local REFILL = 1

-- Seconds by which the server's header (x-amz-retry-after) may lengthen a pause.
local MOST_LONGER = 5

---@class watchbot.aws.RetryOptions
---@field max_attempts integer? including the first one; default 3
---@field capacity integer? tokens in the full bucket; default 500
---@field cost integer? tokens that a retry costs; default 14
---@field throttled_cost integer? the same after throttling; default 5
---@field base number? seconds of the first pause; default 0.05
---@field throttled_base number? the same after throttling; default 1
---@field cap number? seconds of a pause at most; default 20
---@field random (fun(): number)? from 0 to 1: the share of the pause that is used ("full jitter")
local DEFAULTS = {
  max_attempts = 3, capacity = 500, cost = 14, throttled_cost = 5, base = 0.05, throttled_base = 1,
  cap = 20,
  random = math.random,
}

---@class watchbot.aws.Retry
---@field tokens number
local Retry = {}
Retry.__index = Retry

---@class watchbot.aws.Tries one call
---@field attempts integer that have failed
local Tries = {}
Tries.__index = Tries

---@param options watchbot.aws.RetryOptions?
---@return watchbot.aws.Retry
function retry.new(options)
  local self = setmetatable({ streaks = {} }, Retry)
  for name, default in pairs(DEFAULTS) do
    local given = options and options[name]
    if given == nil then given = default end
    self[name] = given
  end
  self.tokens = self.capacity
  return self
end

--- Why a repeated call may succeed: "throttled" or "transient"; nil if it will not.
---@param failure watchbot.aws.Failure
---@return "throttled"|"transient"|nil
function retry.kind(failure)
  if failure.status == 429 or THROTTLING[failure.code] then return "throttled" end
  -- ECS has it in the text of its ClientException and ServerException.
  local err = failure.message or ""
  if err:find "Rate exceeded" or err:find "ThrottlingException" then return "throttled" end
  if TRANSIENT[failure.code] or TRANSIENT_STATUS[failure.status] then return "transient" end
end

--- Whether a failure that a call has returned may be gone in a while.
---@param code string?
---@return boolean
function retry.is_passing(code)
  code = tostring(code)
  return code == "CredentialsUnavailable" or code:find "^Http5" ~= nil
    or retry.kind { code = code } ~= nil
end

--- Whether the failed attempt may have been applied all the same.
---@param failure watchbot.aws.Failure
---@return boolean
function retry.may_be_applied(failure)
  return not (failure.unsent or retry.kind(failure) == "throttled")
end

--- Begins a call.
---@param long_poll string? the operation, if its caller polls in a loop
---@return watchbot.aws.Tries
function Retry:start(long_poll)
  return setmetatable({ retry = self, attempts = 0, cost = 0, long_poll = long_poll,
    streak = long_poll and self.streaks[long_poll] or 0 }, Tries)
end

--- The call has succeeded: returns the tokens of its last retry, or a few if there was no retry.
function Tries:succeeded()
  local bucket = self.retry
  bucket.tokens = math.min(bucket.capacity, bucket.tokens + (self.cost > 0 and self.cost or REFILL))
  if self.long_poll then bucket.streaks[self.long_poll] = nil end
end

-- Exponential and capped, and a random share of it. A longer pause from the server is used: AWS's
-- header lengthens the pause by a few seconds at most, that of a proxy (Retry-After) up to the cap.
function Tries:pause(kind, failure)
  local bucket = self.retry
  local base = kind == "throttled" and bucket.throttled_base or bucket.base
  local power = math.min(self.streak + self.attempts - 1, 30)
  local pause = math.min(bucket.cap, base * 2 ^ power) * bucket.random()
  local most = failure.aws_retry_after and pause + MOST_LONGER or bucket.cap
  return math.max(pause, math.min(failure.aws_retry_after or failure.retry_after or 0, most))
end

function Tries:take(kind)
  local cost = kind == "throttled" and self.retry.throttled_cost or self.retry.cost
  if self.retry.tokens < cost then return false end
  self.retry.tokens = self.retry.tokens - cost
  self.cost = cost
  return true
end

-- Several polls of one client fail at the same time; the longest row of failures counts, not the
-- sum.
function Tries:remember()
  local streaks = self.retry.streaks
  streaks[self.long_poll] = math.max(streaks[self.long_poll] or 0, self.streak + self.attempts)
end

--- The attempt has failed.
---@param failure watchbot.aws.Failure
---@return number? pause seconds to wait before the next attempt; nil: no further attempt
---@return "not_retryable"|"max_attempts_exceeded"|"retry_quota_exceeded"|nil reason
---@return number? before seconds to wait before the failure is returned
function Tries:failed(failure)
  self.attempts = self.attempts + 1
  local kind = retry.kind(failure)
  if not kind then return nil, "not_retryable", 0 end
  if self.long_poll then self:remember() end
  local pause = self:pause(kind, failure)
  if self.attempts >= self.retry.max_attempts then
    return nil, "max_attempts_exceeded", self.long_poll and pause or 0
  end
  if not self:take(kind) then return nil, "retry_quota_exceeded", self.long_poll and pause or 0 end
  return pause
end

return retry
