--- aws: signed calls of AWS services.
--
--     local sqs = watchbot.aws("sqs", { region = "eu-west-1" })
--     local result, err, code = sqs:ReceiveMessage { QueueUrl = url, WaitTimeSeconds = 20 }
--
-- Operations, parameters and results have AWS's names; no operation has code here. Calls wait, so
-- they must be made in a task. An integer, a list, a map or a structure in the API reference is the
-- same in Lua; an empty list is `watchbot.aws.list {}`. Results of sns, sts and cloudformation
-- consist of text, because they come as XML; an empty list in them is "".

local call = require "watchbot.aws.call"
local config = require "watchbot.aws.config"
local core = require "watchbot.core".aws
local credentials = require "watchbot.aws.credentials"
local json = require "watchbot.lib.json"
local place = require "watchbot.aws.place"
local retry = require "watchbot.aws.retry"
local services = require "watchbot.aws.services"
local suggest = require "watchbot.lib.suggest"
local text = require "watchbot.lib.text"
local urls = require "watchbot.lib.urls"

---@class watchbot.aws.ClientOptions: watchbot.aws.Options
---@field credentials table|false|nil a provider (`get`, `expire`), or
--- { access_key, secret_key, token }; false: do not sign.
--- Default: what the environment offers, see credentials.lua; found once for all clients of a
--- profile
---@field place string? a queue's URL or an ARN of the resource: its region is used for the
--- signature, whatever AWS_REGION is, and a queue is called at the host of its URL
---@field near string? a queue's URL or an ARN: its region is used if none is set
---@field timeout number? seconds for each attempt; default 30. The wait of a long poll is added
---@field connect_timeout number? seconds; default 5
---@field max_attempts integer? with the first one; default `AWS_MAX_ATTEMPTS`, the profile's
--- `max_attempts`, 3 (DynamoDB 4)
---@field retry watchbot.aws.RetryOptions? the rest of the retry policy
---@field ca_bundle string? PEM file of the authorities to trust; default `AWS_CA_BUNDLE`, the
--- profile's
---@field warn fun(message: string)? called when credentials could not be refreshed, and for an
--- endpoint without TLS; default: a line on standard error for the latter

local function names(list)
  for _, name in ipairs(list) do list[name] = true end
  return list
end

local OPTIONS = names { "region", "endpoint", "profile", "getenv", "request", "credentials",
  "place", "near",
  "timeout", "connect_timeout", "max_attempts", "retry", "warn", "ca_bundle" }
local CALL_OPTIONS = names { "timeout", "within", "idempotent" }

local TIMEOUT, CONNECT_TIMEOUT = 30, 5

---@class watchbot.aws.Client
---@field requests integer HTTP requests that were made, repeated ones included
---@field clock_offset number seconds that the server's clock is ahead of this machine's, once a
--- request failed because of it
local Client = {}

---@alias watchbot.aws.StandIn fun(service: string, operation: string, parameters: table): ...

---@class watchbot.aws
---@field stand_in watchbot.aws.StandIn? responds instead of AWS while it is set: see
--- watchbot.testing
local aws = {}

--- The value for null, where AWS distinguishes it from an absent name.
aws.null = json.null

--- Marks a table as a list, so that it is sent as `[]` when it is empty.
---@type fun(list: table?): table
aws.list = json.list

-- A misspelt name would have no effect, and the mistake would go unnoticed.
local function check_names(kind, given, known, where, level)
  for name in pairs(given or {}) do
    if not known[name] then
      error(("%s: unknown %s '%s'%s"):format(where, kind, tostring(name),
        suggest.hint(name, known)), level)
    end
  end
end

-- An operation is called as a method: client:ReceiveMessage { ... }. Each is created when it is
-- first used.
local operations = setmetatable({}, { __mode = "v" })

local function operation(name)
  operations[name] = operations[name] or function(client, parameters, options)
    if getmetatable(client) ~= Client then
      error(("%s: call it as client:%s { ... }"):format(name, name), 2)
    end
    if parameters ~= nil and type(parameters) ~= "table" then
      error(name .. ": the parameters must be a table", 2)
    end
    check_names("option", options, CALL_OPTIONS, name, 3)
    if aws.stand_in then return aws.stand_in(client.service_name, name, parameters or {}) end
    local found, err, code = client:resolve()
    if not found then return nil, ("%s:%s: %s"):format(client.service_name, name, err), code end
    return call.run(client, name, parameters or {}, options or {})
  end
  return operations[name]
end

function Client.__index(client, name)
  if Client[name] then return Client[name] end
  if type(name) == "string" and name:find "^%u%w+$" then return operation(name) end
  -- Unset fields are looked up, too, so an unknown name returns nil; calling it raises an error.
  return rawget(client, name)
end

function Client.__tostring(client)
  return ("watchbot.aws client (%s)"):format(client.service_name)
end

-- Warns about a machine without TLS once, not once for each client.
local said_clear = {}

local function say_clear(client, found)
  if not found.clear or place.is_loopback(found.name) or said_clear[found.host] then return end
  said_clear[found.host] = true
  client.warn(("http://%s is not encrypted: what is sent there, credentials included, can be read "
    .. "on the way"):format(
    found.host))
end

--- Finds the host, the region and the values to sign with, once. May ask the metadata service, so
--- it must be called in a task.
---@return watchbot.aws.Place? place
---@return string? err
---@return string? code
function Client:resolve()
  if self.place then return self.place end
  local options = self.options
  local found, err, code = place.find(self.service_name, self.config, options.place, options.near)
  if not found then return nil, err, code end
  say_clear(self, found)
  self.place = found
  return found
end

--- A URL with which anybody can get an object, without credentials, as long as these credentials
--- and the URL are valid. Waits for the credentials.
---@param parameters { Bucket: string, Key: string }
---@param seconds number that the URL is valid for: up to 7 days
---@return string? url
---@return string? err
---@return string? code
function Client:presign(parameters, seconds)
  local found, err, code = self:resolve()
  if not found then return nil, err, code end
  local keys
  keys, err, code = self.provider:get()
  if not keys then return nil, err, code end
  return require "watchbot.aws.presigned"(self, parameters, keys, seconds)
end

-- Assuming a role calls STS, signed with the credentials of the previous step or not at all. A
-- given endpoint is that of the client's own service, for example in a VPC: STS is elsewhere.
local function assumer(options)
  return function(name, parameters, with, region)
    local client, err, code = aws.client("sts", {
      region = region, profile = options.profile, getenv = options.getenv,
      request = options.request, credentials = with or false,
    })
    if not client then return nil, err, code end
    return client[name](client, parameters)
  end
end

local function new_chain(options, settings, warn)
  return credentials.chain {
    config = settings, credentials = options.credentials, sts = assumer(options), warn = warn,
    near = options.place or options.near,
  }
end

-- Clients without separate options share credentials and their refresh; all their `warn`
-- functions are called.
local shared = {}

local function share(options, settings)
  local entry = shared[settings.profile]
  if not entry then
    local warns = {}
    local provider, err, code = new_chain(options, settings, function(words)
      for warn in pairs(warns) do warn(words) end
    end)
    if not provider then return nil, err, code end
    entry = { provider = provider, warns = warns }
    shared[settings.profile] = entry
  end
  if options.warn then entry.warns[options.warn] = true end
  return entry.provider
end

local function find_provider(options, settings)
  local given = options.credentials
  if given == false then return false end
  if given and given.get then return given end
  if given or options.getenv or options.request or options.endpoint then
    return new_chain(options, settings, options.warn)
  end
  return share(options, settings)
end

local function say(words)
  io.stderr:write("watchbot: ", text.line(urls.hide(words)), "\n")
end

local function retry_options(service, options, settings)
  local merged = {}
  for name, value in pairs(service.retry or {}) do merged[name] = value end
  for name, value in pairs(options.retry or {}) do merged[name] = value end
  merged.max_attempts = math.tointeger(settings:number "max_attempts") or merged.max_attempts
  return merged
end

local function check(service_name, options)
  if not services.find(service_name) then
    local all = services.names()
    error(("aws: unknown service '%s'%s"):format(tostring(service_name),
      suggest.hint(service_name, all, "known: " .. table.concat(all, ", "))), 3)
  end
  check_names("option", options, OPTIONS, "aws", 4)
end

--- A client of one service, in one region. Makes no request.
---@param service_name string "sqs", "sns", "ecs", "logs", "sts", "dynamodb", "cloudformation",
--- "cloudwatch", "s3", "scheduler"
---@param options watchbot.aws.ClientOptions?
---@return watchbot.aws.Client? client
---@return string? err
---@return string? code "BadProfile", "BadSetting"
function aws.client(service_name, options)
  options = options or {}
  check(service_name, options)
  local settings, err, code = config.new(options)
  if not settings then return nil, err, code end
  local provider
  provider, err, code = find_provider(options, settings)
  if provider == nil then return nil, err, code end
  return setmetatable({
    service_name = service_name,
    service = services.find(service_name),
    options = options,
    config = settings,
    provider = provider,
    request = settings:requester(),
    user_agent = settings:user_agent(),
    warn = options.warn or say,
    unsent = require "watchbot.http".unsent,
    retry = retry.new(retry_options(services.find(service_name), options, settings)),
    signer = core.signer(),
    timeout = options.timeout or TIMEOUT,
    connect_timeout = options.connect_timeout or CONNECT_TIMEOUT,
    ca_file = settings:setting "ca_bundle" or nil,
    clock_offset = 0,
    regions = {},
    requests = 0,
  }, Client)
end

return setmetatable(aws, { __call = function(_, ...) return aws.client(...) end })
