--- place: the destination of a request and the values for its signature: service, region, host,
-- path.
-- All four follow from the same facts: the URL or ARN of the resource, the settings, and the nearby
-- region. A queue's own host serves only that queue. A configured endpoint serves what it was
-- configured for. Every other request goes to the host of the service in the region.

local endpoint = require "watchbot.aws.endpoint"
local services = require "watchbot.aws.services"

local place = {}

---@class watchbot.aws.Place
---@field url string for the request
---@field host string in the form of the Host header, which is signed
---@field name string of the host without the port
---@field path string
---@field clear boolean http, not https
---@field region string that the request is signed for
---@field service string that the request is signed for: "sqs", "monitoring"

---@class watchbot.aws.Named the parts of a queue's URL or an ARN
---@field region string?
---@field origin string? of a queue's URL: scheme, host and port
---@field is_arn boolean

local function fail(format, ...)
  return nil, format:format(...), "BadEndpoint"
end

-- The host of a URL, and the port if it is not the scheme's default. A host that libcurl would read
-- differently (a user name, a space, an escape) is refused, so that the signature matches the
-- request.
local function split_authority(scheme, authority)
  local host, port = authority:match "^(%[[%x:.]+%])(.*)$"
  if not host then host, port = authority:match "^([%w._-]+)(.*)$" end
  if not host then return nil end
  local digits = port == "" and "" or port:match "^:0*(%d*)$"
  if not digits or #digits > 5 or (tonumber(digits) or 1) > 65535 then return nil end
  host = host:lower():gsub("%.$", "")
  local own = digits == "" or digits == (scheme == "https" and "443" or "80")
  return host, own and host or host .. ":" .. digits
end

---@class watchbot.aws.Split
---@field origin string "https://host:8443"
---@field host string with the port, where that is not the scheme's own
---@field name string of the host without the port
---@field path string
---@field clear boolean http, not https

--- Splits a URL, and writes it in the one form in which it is sent and signed.
---@param url string
---@return watchbot.aws.Split? split nil if requests cannot be sent to the URL
function place.split(url)
  local scheme, authority, path = url:match "^(%a+)://([^/]*)(.*)$"
  scheme = scheme and scheme:lower()
  if scheme ~= "https" and scheme ~= "http" then return nil end
  local name, host = split_authority(scheme, authority)
  if not name or path:gsub("%%%x%x", ""):find "[^%w%-._~!$&'()*+,;=:@/]" then return nil end
  return {
    origin = scheme .. "://" .. host, host = host, name = name, path = path,
    clear = scheme == "http",
  }
end

-- Before hosts contained the region, this was the host of us-east-1; certificates of SQS still have
-- the second form (botocore's endpoints.json, sslCommonName).
local GLOBAL = { ["sqs.amazonaws.com"] = "us-east-1", ["queue.amazonaws.com"] = "us-east-1" }

--- The region in the host of a queue's URL: ordinary, FIPS, dual stack, VPC endpoint, legacy.
---@param host string without a port
---@return string?
local function region_of_host(host)
  local region = ("." .. host):match "%.sqs%.([^.]+)%."
    or ("." .. host):match "%.sqs%-fips%.([^.]+)%."
    or host:match "^([^.]+)%.queue%."
  if region and region:find "^%l+%-%l[%l%-]*%-%d+$" then return region end
  return GLOBAL[host]
end

--- The resource that a queue's URL or an ARN names.
---@param text string? "https://sqs.eu-west-1.amazonaws.com/123/jobs",
--- "arn:aws:sns:eu-west-1:123:topic"
---@return watchbot.aws.Named
function place.named(text)
  local region = text and text:match "^arn:[^:]*:[^:]*:([^:]+):"
  if region then return { region = endpoint.is_region(region) and region or nil, is_arn = true } end
  local split = text and place.split(text:match "^[^?#]*")
  if not split then return { is_arn = false } end
  return { region = region_of_host(split.name), origin = split.origin, is_arn = false }
end

--- The region in a queue's URL or an ARN.
---@param text string?
---@return string?
function place.region_of(text)
  return place.named(text).region
end

-- A setting "fips-us-east-1" or "us-east-1-fips" means the FIPS host of us-east-1.
local function without_fips(region)
  local bare = region:match "^fips%-(.+)$" or region:match "^(.+)%-fips$"
  return bare or region, bare ~= nil
end

-- A configured endpoint is used unchanged: its owner knows its kind. AWS's SDKs refuse the
-- combination, too.
local function check_variant(variant, origin, where)
  for kind, words in pairs { fips = "use_fips_endpoint", dualstack = "use_dualstack_endpoint" } do
    if variant[kind] then
      return fail("%s cannot be combined with the endpoint %s (%s): unset one of them", words,
        origin, where)
    end
  end
  return true
end

-- A queue's URL may name a variant, too: a setting adds to it, and takes nothing away.
local function with_own(variant, name)
  return {
    fips = variant.fips or name:find "^sqs%-fips%." ~= nil,
    dualstack = variant.dualstack or endpoint.is_dualstack(name),
  }
end

-- The queue's own host, unless the settings require another variant of it.
local function queue_host(origin, region, variant)
  if not variant.fips and not variant.dualstack then return origin end
  local name = place.split(origin).name
  local private = name:find "%.vpce%." ~= nil
  if private and not variant.fips then return origin end
  if private and name:find "%.sqs%-fips%." then return origin end
  if private or not endpoint.is_aws(name) then
    local ok, err, code = check_variant(variant, origin, "the host of the queue's URL")
    if not ok then return nil, err, code end
  end
  return endpoint.url("sqs", region, with_own(variant, name))
end

--- Whether data sent to a host stays on this machine.
---@param name string of the host without the port
---@return boolean
function place.is_loopback(name)
  return name == "localhost" or name == "[::1]" or name:find "%.localhost$" ~= nil
    or name:find "^127%.%d+%.%d+%.%d+$" ~= nil
end

-- An emulator serves everything on one host, and uses http, which AWS does not.
local function is_emulator(named)
  return named.origin ~= nil and place.split(named.origin).clear
end

local function origin_of(service, config, region, named, variant)
  local url, where, code = config:configured_endpoint(service)
  if url then
    local ok, err, why = check_variant(variant, place.split(url).origin, where)
    return ok and url, err, why
  elseif code then
    return nil, where, code
  end
  if named.origin and service == "sqs" then return queue_host(named.origin, region, variant) end
  if is_emulator(named) then return named.origin end
  return endpoint.url(service, region, variant)
end

--- Finds the destination. May ask the metadata service for the region, so it must be called in a
--- task.
---@param service string "sqs"
---@param config watchbot.aws.Config
---@param resource string? a queue's URL or an ARN: the resource of the call
---@param near string? the same, but only for the region if none is set
---@return watchbot.aws.Place?
---@return string? err
---@return string? code "BadEndpoint", "BadRegion", "NoRegion"
function place.find(service, config, resource, near)
  local named = place.named(resource)
  local region, err, code = config:region(named.region, place.region_of(near), resource or near)
  if not region then return nil, err, code end
  local fips
  region, fips = without_fips(region)
  local variant = {
    fips = fips or config:switch "use_fips_endpoint",
    dualstack = config:switch "use_dualstack_endpoint",
  }
  local url
  url, err, code = origin_of(service, config, region, named, variant)
  if not url then return nil, err, code end
  local split = place.split(url)
  if split.clear and endpoint.is_aws(split.name) then
    return fail("%s would carry credentials and messages unencrypted: write https://%s",
      split.origin, split.host)
  end
  local path = split.path:match "^.*[^/]" or "/"
  return {
    url = split.origin .. path, host = split.host, path = path, name = split.name,
    clear = split.clear,
    region = region, service = services.find(service).signing_name,
  }
end

return place
