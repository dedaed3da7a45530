--- call: one call of an operation. The body is written once, then signed, sent and read until the
--- call succeeds or the retries are used up.
-- Sits on watchbot.http; retry, services and errors make all decisions.

local core = require "watchbot.core".aws
local counts = require "watchbot.aws.counts"
local date = require "watchbot.lib.date"
local endpoint = require "watchbot.aws.endpoint"
local errors = require "watchbot.aws.errors"
local objects = require "watchbot.aws.objects"
local same = require "watchbot.aws.keys".same
local paths = require "watchbot.aws.paths"
local protocol = require "watchbot.aws.protocol"
local retry = require "watchbot.aws.retry"
local scheduler = require "watchbot.scheduler"
local services = require "watchbot.aws.services"

-- Seconds after the end of a long poll within which its response must arrive.
local LATE = 10

-- Ten messages of 1 MiB; each byte may need three in JSON.
local LARGEST = 64 * 1024 * 1024

-- AWS accepts requests that are up to 5 minutes old or ahead; if the clock is off by nearly that
-- much, the clock is the reason and not the key.
local CLOCK_TOLERANCE = 240

local SKEW = {
  RequestTimeTooSkewed = true, RequestExpired = true, RequestInTheFuture = true,
  InvalidSignatureException = true, SignatureDoesNotMatch = true, AuthFailure = true,
}

-- The keys have expired, or AWS does not know them: a file may hold newer ones by now.
local REFUSED_KEYS = {
  ExpiredToken = true, ExpiredTokenException = true, RequestExpired = true,
  TokenRefreshRequired = true,
  InvalidClientTokenId = true, UnrecognizedClientException = true, InvalidAccessKeyId = true,
}

-- The bucket is in another region than the one that was signed for.
local ELSEWHERE = {
  PermanentRedirect = true, AuthorizationHeaderMalformed = true, IllegalLocationConstraint = true,
  Http301 = true,
}

-- Statuses of success; a DELETE of S3 has no content.
local DONE = { [200] = true, [204] = true }

---@class watchbot.aws.CallOptions
---@field timeout number? seconds for each attempt, without the wait of a long poll
---@field within number? seconds for everything, retries included
---@field idempotent boolean? may be repeated after it may have been applied; default: as declared
--- in
--- services.lua

---@class watchbot.aws.Call
local Call = {}
Call.__index = Call

local call = {}

local function fill_token(service, operation, parameters)
  local field = services.token_field(service, operation, parameters)
  if not field or parameters[field] ~= nil then return parameters end
  local filled = { [field] = core.uuid() }
  for name, value in pairs(parameters) do filled[name] = value end
  return filled
end

local function wall_time()
  return scheduler.time() / 1000
end

function Call:seconds_left()
  return self.deadline and self.deadline - scheduler.now() or math.huge
end

function Call:timeout()
  local timeout = self.options.timeout or self.client.timeout
  if self.poll_wait then timeout = self.poll_wait + math.min(timeout, LATE) end
  return math.max(0.001, math.min(timeout, self:seconds_left()))
end

-- Secrets, which must not be in an error even if the server repeats them.
function Call:hide(...)
  for _, secret in ipairs { ... } do self.secrets[#self.secrets + 1] = secret end
end

--- What to sign for.
---@param service watchbot.aws.Service
---@param place watchbot.aws.Place
---@param time number seconds since the epoch, by the server's clock
---@return table
function call.scope(service, place, time)
  local scope = { region = place.region, service = place.service, time = math.floor(time) }
  if service.signing then
    for name, value in pairs(service.signing) do scope[name] = value end
  end
  return scope
end

-- Adds the signature. Does not change the headers of the call itself, since each attempt is signed
-- again.
function Call:sign(keys)
  local headers, place = {}, self.place
  for name, value in pairs(self.headers) do headers[name] = value end
  if not keys then
    headers["User-Agent"] = self.client.user_agent
    return headers
  end
  headers.Host = place.host
  self.clock_offset = self.client.clock_offset
  local request = { method = self.method, path = place.path, headers = headers, body = self.body }
  local scope = call.scope(self.service, place, wall_time() + self.clock_offset)
  local authorization, stamp, sha256 = self.client.signer:headers(request, keys, scope)
  if scope.content_sha256 then headers["X-Amz-Content-Sha256"] = sha256 end
  -- A proxy may change the user agent, so it is not signed.
  headers.Host, headers["User-Agent"] = nil, self.client.user_agent
  headers.Authorization, headers["X-Amz-Date"], headers["X-Amz-Security-Token"] = authorization,
    stamp, keys.token
  self:hide(keys.secret_key, authorization:match ".*=(%x+)$", keys.token)
  return headers
end

-- A request is about to be made.
function Call:count()
  local client, counted = self.client, self.counts
  client.requests, self.attempts = client.requests + 1, self.attempts + 1
  counted.requests = counted.requests + 1
  if self.attempts > 1 then counted.retries = counted.retries + 1 end
end

-- A request has failed.
function Call:count_failure(failure)
  local counted = self.counts
  counted.failures = counted.failures + 1
  if retry.kind(failure) == "throttled" then counted.throttles = counted.throttles + 1 end
end

-- => result | nil failure
function Call:send(keys)
  local client = self.client
  self:count()
  self.began = scheduler.boottime()
  local response, err, code = client.request {
    method = self.method, url = self.place.url, headers = self:sign(keys), body = self.body,
    idempotent = self.repeatable,
    connect_timeout = math.min(client.connect_timeout, self:timeout()), timeout = self:timeout(),
    ca_file = client.ca_file,
    limit = LARGEST,
  }
  if not response then
    return nil, { code = code, message = err, unsent = client.unsent[code] }
  end
  if not DONE[response.status] then return nil, errors.read(response, wall_time()) end
  local result, problem = protocol.read(self.service, self.operation, response)
  if not result then return nil, errors.bad_answer(response, problem) end
  return result
end

-- => keys or false | nil failure ; false: do not sign the call
function Call:keys()
  if not self.client.provider then return false end
  local keys, err, code = self.client.provider:get()
  if not keys then return nil, { code = code, message = err, unsent = true } end
  return keys
end

-- The server's clock counts: the next request uses its date. This happens once in a call, so at
-- most one attempt is lost. It compares the clock that this attempt was dated with: other calls at
-- the same time may have corrected the client's clock already.
function Call:correct_clock(failure)
  local at = date.http(failure.date)
  if not SKEW[failure.code] or not at or not self.clock_offset or self.clock_corrected then
    return false
  end
  local offset = at - wall_time()
  if math.abs(offset - self.clock_offset) < CLOCK_TOLERANCE then return false end
  self.client.clock_offset, self.clock_corrected = offset, true
  return true
end

-- => true if other credentials are available
function Call:replace_keys(failure, keys)
  if not REFUSED_KEYS[failure.code] or not keys or self.keys_replaced then return false end
  self.keys_replaced = true
  self.client.provider:expire(keys)
  local found = self.client.provider:get()
  return found ~= nil and not same(found, keys)
end

-- S3 names the region of a bucket that is not where it was looked for.
function Call:correct_region(failure)
  local route, region = self.route, failure.region
  if not route or not ELSEWHERE[failure.code] or not region or self.region_corrected
    or region == self.place.region or not endpoint.is_region(region) then
    return false
  end
  self.region_corrected = true
  self.client.regions[route.bucket] = region
  self.place = objects.place(self.client.place, route, region)
  return true
end

-- => true for another attempt, after the pause before it
function Call:may_go_on(failure, keys)
  if self:correct_clock(failure) or self:replace_keys(failure, keys)
    or self:correct_region(failure) then
    return true
  end
  if not self.repeatable and retry.may_be_applied(failure) then
    self.reason = "; not made again, for it may have been applied"
    return false
  end
  local pause, reason, before = self.tries:failed(failure)
  if reason == "retry_quota_exceeded" then
    self.reason = "; not tried again, as too many calls fail"
  end
  local wait = pause or before
  if wait >= self:seconds_left() then return false end
  if wait > 0 then scheduler.sleep(wait) end
  return pause ~= nil
end

function Call:message(failure)
  local what = self.client.service_name .. ":" .. self.operation
  local err = errors.describe(what, failure, self.secrets)
  if self.attempts > 1 then err = ("%s after %d attempts"):format(err, self.attempts) end
  return err .. (self.reason or "")
end

function Call:run()
  while true do
    local result
    local keys, failure = self:keys()
    if keys ~= nil then
      result, failure = self:send(keys)
      if not result then self:count_failure(failure) end
    end
    if result then
      self.tries:succeeded()
      return result, nil, nil, self.began
    end
    if not self:may_go_on(failure, keys) then
      return nil, self:message(failure), failure.code, failure.details
    end
  end
end

local function hidden_parameters(service, parameters)
  local secrets = {}
  for name in pairs(service.secrets or {}) do
    if type(parameters[name]) == "string" then secrets[#secrets + 1] = parameters[name] end
  end
  return secrets
end

--- Where the object of a route is.
---@param client watchbot.aws.Client which has been resolved
---@param route watchbot.aws.Route
---@return watchbot.aws.Place
function call.place(client, route)
  if not route.bucket then return paths.place(client.place, route) end
  return objects.place(client.place, route, client.regions[route.bucket])
end

--- Makes a call and waits for its response.
---@param client watchbot.aws.Client which has been resolved
---@param operation string
---@param parameters table
---@param options watchbot.aws.CallOptions
---@return table? result
---@return string? err
---@return string? code
---@return table|number|nil details further members of the error, from JSON services; of a success:
--- boottime at which the attempt that succeeded began
function call.run(client, operation, parameters, options)
  local service = client.service
  parameters = fill_token(service, operation, parameters)
  local body, headers, code, route = protocol.write(service, operation, parameters)
  if not body then
    return nil, ("%s:%s: %s"):format(client.service_name, operation, headers), code
  end
  local wait_field = service.long_polls and service.long_polls[operation]
  local repeatable = options.idempotent
  if repeatable == nil then repeatable = services.is_repeatable(service, operation, parameters) end
  return setmetatable({
    client = client,
    service = service,
    operation = operation,
    options = options,
    body = body,
    headers = headers,
    method = route and route.method or "POST",
    route = route,
    place = route and call.place(client, route) or client.place,
    attempts = 0,
    counts = counts.of(client.service_name, operation),
    repeatable = repeatable,
    poll_wait = wait_field and (tonumber(parameters[wait_field]) or 0) or nil,
    deadline = options.within and scheduler.now() + options.within,
    tries = client.retry:start(wait_field and operation),
    secrets = hidden_parameters(service, parameters),
  }, Call):run()
end

return call
