--- cli.machine.account: the checks of `watchbot check` that call AWS: the identity of the
-- credentials, their source and expiry; missing IAM actions; the clock's difference. Never prints a
-- secret.

local aws = require "watchbot.aws"
local config = require "watchbot.aws.config"
local core = require "watchbot.core".file
local date = require "watchbot.lib.date"
local network = require "watchbot.cli.machine.network"
local permissions = require "watchbot.cli.machine.permissions"
local profiles = require "watchbot.aws.profiles"
local queue = require "watchbot.queue"
local scheduler = require "watchbot.scheduler"

-- Timeout in seconds: a person is waiting for this.
local TIMEOUT, CONNECT_TIMEOUT = 10, 5

-- Seconds that a clock may be off: AWS refuses requests at 300 s.
local CLOCK_TOLERANCE = 60

-- Remaining seconds that credentials should have when a watcher starts.
local SHORT_LIFE = 900

---@class watchbot.Account
---@field findings watchbot.Finding[]
---@field url string? of the queue
local Account = {}
Account.__index = Account

function Account:add(what, level, message)
  table.insert(self.findings, { what = what, level = level, message = message })
end

function Account:client(service)
  return aws(service, {
    place = service == "sqs" and self.url or nil, near = self.url, timeout = TIMEOUT,
    connect_timeout = CONNECT_TIMEOUT, max_attempts = 1,
    warn = function(text) self:add("endpoint", "warning", text) end,
  })
end

-- The endpoint and its clock.

function Account:check_clock(response)
  local theirs = date.http(response.headers.date)
  if not theirs then return end
  local offset = math.floor(scheduler.time() / 1000 - theirs + 0.5)
  local off = math.abs(offset) > CLOCK_TOLERANCE
  self:add("clock", off and "warning" or "ok", not off and "agrees with the endpoint's"
    or ("is %d s %s of the endpoint's: AWS refuses requests that are 300 s off; start NTP"):format(
      math.abs(offset), offset > 0 and "ahead" or "behind"))
end

-- => whether it responds
function Account:check_endpoint(client)
  local found, err = client:resolve()
  if not found then return self:add("endpoint", "failure", err) end
  local response
  response, err = client.request {
    url = found.url, timeout = TIMEOUT, connect_timeout = CONNECT_TIMEOUT, ca_file = client.ca_file,
  }
  if not response then return self:add("endpoint", "failure", err) end
  self:add("endpoint", "ok", ("%s answers"):format(found.host))
  self:check_clock(response)
  return true
end

-- credentials

local function left_of(seconds)
  if seconds < 120 then return ("%d s"):format(seconds) end
  if seconds < 7200 then return ("%d min"):format(seconds // 60) end
  return ("%d h"):format(seconds // 3600)
end

-- Keys with a token in a variable or a file expire, and nothing renews them.
local function is_fixed(keys)
  return keys.token ~= nil and not keys.expires
end

function Account:describe(keys, arn)
  local now = scheduler.time() / 1000
  local life = keys.expires and keys.expires - now
  local until_when = life and ("expire at %s, in %s"):format(
    scheduler.iso_date(keys.expires * 1000 // 1), left_of(math.max(0, life) // 1))
    or is_fixed(keys) and "temporary, and nothing renews them: give the watcher a role"
    or "do not expire"
  local short = is_fixed(keys) or life and life < SHORT_LIFE
  self:add("credentials", short and "warning" or "ok", ("%s%s, %s"):format(tostring(keys)
    :gsub("^AWS credentials of ", "of "), arn and ", " .. arn or "", until_when))
end

-- Codes which mean that the keys are unknown or no longer valid.
local REFUSED = {
  InvalidClientTokenId = true, UnrecognizedClientException = true, ExpiredToken = true,
  ExpiredTokenException = true, SignatureDoesNotMatch = true, InvalidSignatureException = true,
  IncompleteSignature = true, AccessDenied = true,
}

-- STS returns every caller's identity, whatever its permissions. A network without access to it is
-- not an error.
function Account:check_identity(keys)
  local client, err, code = self:client "sts"
  local identity
  if client then identity, err, code = client:GetCallerIdentity {} end
  if identity then
    self:describe(keys, identity.Arn)
    return true
  end
  if REFUSED[code] then
    self:add("credentials", "failure", ("%s: AWS refuses them: %s"):format(tostring(keys), err))
    return false
  end
  self:describe(keys)
  self:add("identity", "warning", "STS could not be asked: " .. err)
  return true
end

-- => whether there are credentials that AWS accepts
function Account:check_credentials(client)
  local keys, err = client.provider:get()
  if keys then return self:check_identity(keys) end
  self:add("credentials", self.needed and "failure" or "warning",
    err .. (self.needed and "" or "; SQS, SNS and ECS need them"))
  return false
end

function Account:check_files()
  local path = select(2, profiles.locations(function(name)
    local value = os.getenv(name)
    return value ~= "" and value or nil
  end))
  local status = path and core.status(path)
  if status and status.regular and status.mode & 0x3F ~= 0 then
    self:add("credentials file", "warning",
      ("other users may read '%s' (mode %04o): chmod 600 it"):format(path, status.mode))
  end
end

--- Asks AWS. Waits in a task.
---@param findings watchbot.Finding[]
---@param url string? of the queue
---@param policy table?
---@param needed boolean whether a watcher would call AWS
return function(findings, url, policy, needed)
  if url and not (url:find "^https?:" and queue.check(url)) then url = nil end
  local self = setmetatable({ findings = findings, url = url, needed = needed }, Account)
  local settings, err = config.new()
  network(findings, settings)
  if not settings then return self:add("credentials", "failure", err) end
  self:check_files()
  local service = url and "sqs" or "sts"
  local client
  client, err = self:client(service)
  if not client then return self:add("credentials", "failure", err) end
  local reached = url == nil or self:check_endpoint(client)
  if self:check_credentials(client) and reached then permissions(self, policy) end
end
