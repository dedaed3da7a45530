--- config: the user's settings for AWS calls, from options, environment and profile. Sits on
-- profiles, place and imds.
-- An option of the caller overrides the environment, and the environment overrides the profile. The
-- files are read once; a file that cannot be parsed, or a requested profile that does not exist, is
-- an error at once instead of a default that surprises later.

local endpoint = require "watchbot.aws.endpoint"
local imds = require "watchbot.aws.imds"
local place = require "watchbot.aws.place"
local profiles = require "watchbot.aws.profiles"
local version = require "watchbot.version"

-- A setting has the same name as an option and in a profile; these are its names in the
-- environment.
-- https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
local VARIABLES = {
  ca_bundle = { "AWS_CA_BUNDLE" },
  ec2_metadata_disabled = { "AWS_EC2_METADATA_DISABLED" },
  ec2_metadata_service_endpoint = { "AWS_EC2_METADATA_SERVICE_ENDPOINT" },
  ec2_metadata_service_endpoint_mode = { "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE" },
  endpoint_url = { "AWS_ENDPOINT_URL" },
  ignore_configured_endpoint_urls = { "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS" },
  max_attempts = { "AWS_MAX_ATTEMPTS" },
  metadata_service_num_attempts = { "AWS_METADATA_SERVICE_NUM_ATTEMPTS" },
  metadata_service_timeout = { "AWS_METADATA_SERVICE_TIMEOUT" },
  region = { "AWS_REGION", "AWS_DEFAULT_REGION" },
  sdk_ua_app_id = { "AWS_SDK_UA_APP_ID" },
  use_dualstack_endpoint = { "AWS_USE_DUALSTACK_ENDPOINT" },
  use_fips_endpoint = { "AWS_USE_FIPS_ENDPOINT" },
}

-- Services that settings (`AWS_ENDPOINT_URL_CLOUDWATCH_LOGS`) call by another name.
local IDS = { logs = "cloudwatch_logs" }

local function is_count(text)
  local number = math.tointeger(tonumber(text))
  return number ~= nil and number >= 1
end

local function is_seconds(text)
  local number = tonumber(text)
  return number ~= nil and number > 0 and number < math.huge
end

local function is_switch(text)
  local word = tostring(text):lower()
  return word == "true" or word == "false"
end

local function is_mode(text)
  local word = text:lower()
  return word == "ipv4" or word == "ipv6"
end

-- The valid values of settings. Treating a wrong value as not set would silently do the opposite:
-- use a non-FIPS host, or retry without end.
local SHAPES = {
  { is_count, "an integer of 1 or more", "max_attempts", "metadata_service_num_attempts" },
  { is_seconds, "a number of seconds above 0", "metadata_service_timeout" },
  { is_switch, "'true' or 'false'", "ec2_metadata_disabled", "ignore_configured_endpoint_urls",
  "use_dualstack_endpoint",
    "use_fips_endpoint" },
  { is_mode, "'IPv4' or 'IPv6'", "ec2_metadata_service_endpoint_mode" },
}

---@class watchbot.aws.Options
---@field region string?
---@field endpoint string? URL, for every service; overrides all settings
---@field profile string? name of a profile in the shared files; overrides
--- `AWS_PROFILE`, `AWS_DEFAULT_PROFILE`, and the
--- credentials of the environment
---@field getenv (fun(name: string): string?)? instead of os.getenv
---@field request (fun(request: table): table?, string?, string?)? instead of watchbot.http's

---@class watchbot.aws.Config
---@field profile string name of the profile
---@field files watchbot.aws.Files
---@field metadata watchbot.aws.Imds
local Config = {}
Config.__index = Config

local config = {}

---@param options watchbot.aws.Options?
---@return watchbot.aws.Config?
---@return string? err
---@return string? code "BadProfile", "BadSetting"
function config.new(options)
  options = options or {}
  local self = setmetatable({ options = options, environment = options.getenv or os.getenv },
    Config)
  local files, err, code = profiles.read(function(name) return self:getenv(name) end)
  if not files then return nil, err, code end
  self.files = files
  local asked = options.profile or self:getenv "AWS_PROFILE" or self:getenv "AWS_DEFAULT_PROFILE"
  self.profile = asked or "default"
  if asked and not files.profiles[asked] then
    return nil, profiles.missing(files, asked), "BadProfile"
  end
  self.metadata = imds.new(self)
  local ok
  ok, err, code = self:check()
  if not ok then return nil, err, code end
  return self
end

function Config:check()
  for _, shape in ipairs(SHAPES) do
    for index = 3, #shape do
      local value, where = self:setting(shape[index])
      if value ~= nil and not shape[1](value) then
        if where == "option" or where:find "^profile" then
          where = ("%s: %s"):format(where, shape[index])
        end
        return nil, ("%s: expected %s, got '%s'"):format(where, shape[2], tostring(value)),
          "BadSetting"
      end
    end
  end
  return true
end

--- The user agent (userAgent in CloudTrail), with the name that the user gave the application.
--- https://docs.aws.amazon.com/sdkref/latest/guide/feature-appid.html
---@return string
function Config:user_agent()
  local name = self:setting "sdk_ua_app_id"
  local agent = ("watchbot/%s os/linux lang/lua#%s"):format(version, _VERSION:match "[%d.]+")
  return name and ("%s app/%s"):format(agent, (name:gsub("[^%w!#$%%&'*+%-.^_`|~]", "-"))) or agent
end

--- An environment variable; an empty one counts as not set.
---@param name string
---@return string?
function Config:getenv(name)
  local value = self.environment(name)
  return value ~= "" and value or nil
end

--- The function that makes HTTP requests.
---@return fun(request: table): table?, string?, string?
function Config:requester()
  return self.options.request or require "watchbot.http".request
end

--- A setting by its name in a profile, such as "max_attempts".
---@param name string
---@return string? value
---@return string? where "option", the variable's name or "profile 'NAME'"
function Config:setting(name)
  if self.options[name] ~= nil then return self.options[name], "option" end
  for _, variable in ipairs(VARIABLES[name] or {}) do
    local value = self:getenv(variable)
    if value then return value, variable end
  end
  local profile = self.files.profiles[self.profile]
  local value = profile and profile[name]
  if value and value ~= "" then return value, ("profile '%s'"):format(self.profile) end
  return nil
end

---@param name string
---@return boolean
function Config:switch(name)
  return tostring(self:setting(name)):lower() == "true"
end

--- A numeric setting.
---@param name string
---@return number?
function Config:number(name)
  return tonumber((self:setting(name)))
end

--- The region to call: the option, the region that the resource names, the environment or the
--- profile, the nearby region, then the region of this instance (which must be asked for in a
--- task).
---@param named string? the region in the resource's URL or ARN, the only one that has the resource
---@param near string? the region to use if none is set
---@param text string? what `named` and `near` were read from, for the error
---@return string? region
---@return string? err with the places that were searched
---@return string? code "NoRegion"
function Config:region(named, near, text)
  local region = self.options.region or named or self:setting "region" or near
    or self.instance_region
  if region then return region end
  local answer, why = self.metadata:get "/latest/meta-data/placement/region"
  if answer and endpoint.is_region(answer) then
    self.instance_region = answer
    return answer
  end
  return nil, ("no AWS region was found: set AWS_REGION, or region in the profile '%s'%s (EC2 "
    .. "metadata: %s)"):format(
    self.profile, text and (", as '%s' has none"):format(text) or "", why
      or "its answer is not a region"), "NoRegion"
end

-- The profile's section of services may set a URL for the service; it overrides the profile's own.
function Config:profile_endpoint(id)
  local profile = self.files.profiles[self.profile] or {}
  local services = profile.services and self.files.services[profile.services]
  local url = services and profiles.nested(services[id]).endpoint_url
  if url then return url, ("services '%s'"):format(profile.services) end
  return profile.endpoint_url, ("profile '%s'"):format(self.profile)
end

function Config:endpoint_setting(service)
  if self.options.endpoint then return self.options.endpoint, "option" end
  if self:switch "ignore_configured_endpoint_urls" then return nil end
  local id = IDS[service] or service
  for _, variable in ipairs { "AWS_ENDPOINT_URL_" .. id:upper(), "AWS_ENDPOINT_URL" } do
    local url = self:getenv(variable)
    if url then return url, variable end
  end
  return self:profile_endpoint(id)
end

--- The URL that is set for a service.
--- https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
---@param service string "sqs", "sns", "ecs", "logs", "sts", "dynamodb", "cloudformation",
--- "cloudwatch"
---@return string? url without a slash at its end; nil if none is set
---@return string? where, or err
---@return string? code "BadEndpoint"
function Config:configured_endpoint(service)
  local url, where = self:endpoint_setting(service)
  if not url or url == "" then return nil end
  local split = place.split(url)
  if split then return split.origin .. (split.path:match "^.*[^/]" or ""), where end
  return nil, ("the endpoint of %s is not a URL such as 'http://localhost:4566': %s"):format(
    service, where), "BadEndpoint"
end

return config
