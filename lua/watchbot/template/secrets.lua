--- template.secrets: environment variables from Secrets Manager or the Parameter Store: the entries
-- of the container, and the permissions of the execution role. The ARN identifies the store.
-- https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html

local cf = require "watchbot.template.cf"
local names = require "watchbot.template.names"
local pieces = require "watchbot.template.pieces"
local sorted = require "watchbot.lib.sorted"

local secrets = {}

local function value_from(secret)
  if type(secret) == "string" or cf.is(secret) then return secret end
  if secret.parameter then return secret.parameter end
  return secret.key and pieces.concat(secret.secret, ":", secret.key, "::") or secret.secret
end

--- The secrets of a container.
---@param given table<string, any>
---@return table[]?
function secrets.of_container(given)
  local list = {}
  for index, name in ipairs(sorted.keys(given)) do
    list[index] = { Name = name, ValueFrom = value_from(given[name]) }
  end
  return #list > 0 and list or nil
end

-- The ARN of a secret may be followed by a key, a stage and a version, which are not part of its
-- name.
local function secret_arn(text)
  return text:match "^(arn:[^:]*:secretsmanager:[^:]*:[^:]*:secret:[^:]+)"
end

-- Whether the value of an intrinsic starts with a slash is not known; the ARN must have one slash.
local function parameter_arn(name)
  if cf.is(name) then return names.arn("ssm", "parameter*", name) end
  if name:match "^arn:" then return name end
  return names.arn("ssm", "parameter/", (name:gsub("^/", "")))
end

-- => ARN of a secret, ARN of a parameter
local function arns_of(secret)
  if type(secret) == "table" then
    if secret.parameter then return nil, parameter_arn(secret.parameter) end
    return type(secret.secret) == "string" and secret_arn(secret.secret) or secret.secret
  end
  local arn = secret_arn(secret)
  if arn then return arn end
  return nil, parameter_arn(secret)
end

--- The statements that let the execution role read them.
---@param given table<string, any>
---@return table[]
function secrets.statements(given)
  local kept, parameters, statements = {}, {}, {}
  for _, name in ipairs(sorted.keys(given)) do
    local secret, parameter = arns_of(given[name])
    if secret then kept[#kept + 1] = secret end
    if parameter then parameters[#parameters + 1] = parameter end
  end
  if #kept > 0 then
    statements[1] = {
      Effect = "Allow", Action = { "secretsmanager:GetSecretValue" }, Resource = kept,
    }
  end
  if #parameters > 0 then
    statements[#statements + 1] = {
      Effect = "Allow", Action = { "ssm:GetParameters" }, Resource = parameters,
    }
  end
  return statements
end

return secrets
