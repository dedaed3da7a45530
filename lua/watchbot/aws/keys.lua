--- keys: credentials as a value that does not print its secrets, and parsers for the formats in
-- which AWS returns them.
-- Every source creates them here, so that text with a line break never becomes part of a header.

local date = require "watchbot.lib.date"
local json = require "watchbot.lib.json"

---@class watchbot.aws.Keys
---@field access_key string
---@field secret_key string
---@field token string? of temporary credentials
---@field expires number? seconds since the epoch
---@field account string? the account id
---@field source string their source: "environment", "profile 'dev'"
local Keys = { __name = "watchbot.aws.keys" }

-- The last letters of an access key identify it, and cannot be used for anything else.
function Keys:__tostring()
  return ("AWS credentials of %s (access key ...%s)"):format(self.source, self.access_key:sub(-4))
end

local keys = {}

local NAMES = { access_key = "access key", secret_key = "secret key", token = "session token" }

---@param values table access_key, secret_key, and optionally token, expires, account
---@param source string
---@return watchbot.aws.Keys?
---@return string? err never contains a value
---@return string? code "BadCredentials"
function keys.new(values, source)
  local token = values.token ~= "" and values.token or nil
  local made = { access_key = values.access_key, secret_key = values.secret_key, token = token,
    expires = values.expires,
    account = values.account, source = source }
  for _, field in ipairs { "access_key", "secret_key", token and "token" } do
    local value = made[field]
    if type(value) ~= "string" or value == "" then
      return nil, ("%s: missing %s"):format(source, NAMES[field]), "BadCredentials"
    end
    if value:find "[%c ]" then
      return nil, ("%s: the %s has a space or a line break in it"):format(source, NAMES[field]),
        "BadCredentials"
    end
  end
  return setmetatable(made, Keys)
end

---@param one watchbot.aws.Keys
---@param other watchbot.aws.Keys?
---@return boolean
function keys.same(one, other)
  return other ~= nil and one.access_key == other.access_key and one.secret_key == other.secret_key
    and one.token == other.token and one.expires == other.expires
end

local function text_or_nil(value)
  return type(value) == "string" and value or nil
end

--- From a table with AWS's names: the response of STS, and the JSON of the other sources.
---@param reply table { AccessKeyId, SecretAccessKey, SessionToken or Token, Expiration }
---@param source string
---@return watchbot.aws.Keys?
---@return string? err
---@return string? code "BadCredentials"
function keys.from_reply(reply, source)
  local expires
  if text_or_nil(reply.Expiration) then
    expires = date.iso(reply.Expiration)
    if not expires then
      return nil, source .. ": the Expiration is not a date in ISO 8601", "BadCredentials"
    end
  end
  return keys.new({ access_key = text_or_nil(reply.AccessKeyId),
    secret_key = text_or_nil(reply.SecretAccessKey),
    token = text_or_nil(reply.SessionToken) or text_or_nil(reply.Token), expires = expires,
    account = text_or_nil(reply.AccountId) }, source)
end

--- A JSON object; errors never quote it.
---@param text string
---@param source string
---@return table? reply
---@return string? err
---@return string? code "BadCredentials"
function keys.decode(text, source)
  local reply = json.decode(text, true)
  if type(reply) == "table" then return reply end
  return nil, source .. ": the answer is not a JSON object", "BadCredentials"
end

--- From the JSON of a container's endpoint or of the metadata service, which reports an error in
--- `Code`.
---@param text string
---@param source string
---@return watchbot.aws.Keys?
---@return string? err
---@return string? code "BadCredentials"
function keys.from_json(text, source)
  local reply, err, code = keys.decode(text, source)
  if not reply then return nil, err, code end
  local status = text_or_nil(reply.Code)
  if status and status ~= "Success" then
    return nil, ("%s: the response reports %s"):format(source,
      status:match "^%a+$" or "that it failed"),
      "BadCredentials"
  end
  return keys.from_reply(reply, source)
end

return keys
