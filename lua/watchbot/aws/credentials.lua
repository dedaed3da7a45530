--- credentials: the order in which providers of AWS credentials are asked. Sits on the providers in
-- provider/ and on refresher.
-- The first provider that is configured is used: if it fails, the search ends, because the next
-- could be another identity. Later only this provider is asked again.

local config = require "watchbot.aws.config"
local refresher = require "watchbot.aws.refresher"

local PROVIDERS = {
  require "watchbot.aws.provider.given",
  require "watchbot.aws.provider.environment",
  require "watchbot.aws.provider.profile",
  require "watchbot.aws.provider.web_identity",
  require "watchbot.aws.provider.container",
  require "watchbot.aws.provider.instance",
}

local credentials = {}

---@class watchbot.aws.ChainOptions: watchbot.aws.Options
---@field config watchbot.aws.Config? instead of one made from these options
---@field credentials { access_key: string, secret_key: string, token: string? }?
---@field sts watchbot.aws.Sts? needed for roles
---@field near string? a queue's URL or an ARN: its region is used if none is set
---@field warn fun(message: string)? called when a refresh fails while the old credentials are still
--- valid

-- Loads from the first provider that is configured.
-- => keys nil provider | nil err code
local function search(providers, context)
  local reasons = {}
  for _, provider in ipairs(providers) do
    local found, why, code = provider.load(context)
    if found then return found, nil, provider end
    if code then return nil, why, code end
    reasons[#reasons + 1] = ("%s: %s"):format(provider.name, why)
  end
  return nil, table.concat(reasons, "; ")
end

local function loader(context)
  local providers = PROVIDERS
  return function()
    local found, err, place = search(providers, context)
    if not found then return nil, err, place end
    providers = { place }
    return found
  end
end

--- A provider of credentials: `provider:get()` gives { access_key, secret_key, token, expires,
--- source }, or nil, a message that names every place that was looked in, and a code;
--- `provider:expire(keys)` when AWS says they have expired.
---@param options watchbot.aws.ChainOptions?
---@return watchbot.aws.Refresher? provider
---@return string? err
---@return string? code "BadProfile"
function credentials.chain(options)
  options = options or {}
  local settings, err, code = options.config, nil, nil
  if not settings then settings, err, code = config.new(options) end
  if not settings then return nil, err, code end
  local context = {
    config = settings, given = options.credentials, sts = options.sts, near = options.near,
  }
  return refresher.new(loader(context), { warn = options.warn })
end

return credentials
