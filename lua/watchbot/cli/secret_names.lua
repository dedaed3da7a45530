--- cli.secret_names: which variables probably hold a secret, by their names and the form of their
-- values. Values are never printed.

local sorted = require "watchbot.lib.sorted"
local urls = require "watchbot.lib.urls"

local secret_names = {}

-- How names of secrets end: DB_PASSWORD, apiKey, GITHUB_TOKEN. PARTITION_KEY is no secret.
local ENDS = {
  "password", "passwd", "passphrase", "pwd", "secret", "token", "credential", "credentials",
  "apikey", "accesskey", "secretkey", "privatekey", "signingkey", "encryptionkey",
  "secretaccesskey", "clientsecret",
}

--- Whether a variable of this name is one.
---@param name string
---@return boolean
function secret_names.is(name)
  local letters = name:gsub("%W", ""):gsub("_", ""):lower()
  for _, word in ipairs(ENDS) do
    if letters:sub(-#word) == word then return true end
  end
  return false
end

-- The key id of AWS's credentials, a private key, a password in a URL.
local function is_secret_value(value)
  return value:find "^A[KS]IA[%u%d]+$" ~= nil and #value == 20
    or value:find("PRIVATE KEY-----", 1, true) ~= nil or urls.hide(value) ~= value
end

-- Where the secret is, instead of the secret.
local function is_reference(value)
  return value == "" or value:find "^arn:" ~= nil or value:find "^/" ~= nil
end

--- The variables whose secret is written in the policy's files, sorted.
---@param variables table<string, string>
---@param texts table<any, true> constants of the files
---@return string[]
function secret_names.written(variables, texts)
  local found = {}
  for _, name in ipairs(sorted.keys(variables)) do
    local value = variables[name]
    if texts[value] and not is_reference(value)
      and (secret_names.is(name) or is_secret_value(value)) then
      found[#found + 1] = name
    end
  end
  return found
end

return secret_names
