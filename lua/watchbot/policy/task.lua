--- task: the values of a policy's `task`: the names and types of RunTask's parameters that a policy
-- sets.
-- https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html

local json = require "watchbot.lib.json"
local suggest = require "watchbot.lib.suggest"
local words = require "watchbot.policy.words"

local task = {}

---@class watchbot.ecs.Task a policy's `task`
---@field cluster string name or ARN
---@field definition string family, family:revision or ARN
---@field container string? the container that gets the message and whose exit code counts; default:
--- the first one of the definition
---@field command string[]? instead of the definition's
---@field cpu integer? CPU units of the container
---@field memory integer? MiB of the container

local types = {
  cluster = "string", definition = "string", container = "string", command = "table",
  cpu = "integer", memory = "integer",
  capacityProviderStrategy = "table", enableExecuteCommand = "boolean", group = "string",
  launchType = "string",
  networkConfiguration = "table", placementConstraints = "table", placementStrategy = "table",
  platformVersion = "string",
  propagateTags = "string", tags = "table", volumeConfigurations = "table",
}

local names = {}
for name in pairs(types) do names[#names + 1] = name end

local function told(value)
  return type(value) == "number" and tostring(value) or "a " .. type(value)
end

-- What RunTask would refuse for each message, or cannot be sent as JSON.
local function value_problem(name, value)
  if value == "" then return ("'%s' is empty"):format(name) end
  if math.type(value) == "integer" and value < 1 then
    return ("'%s' must be at least 1, not %d"):format(name, value)
  elseif name == "command" then
    local ok, detail = words.check(value)
    detail = detail and ": " .. detail or ""
    if not ok then return "'command' must be a list of texts" .. detail end
  end
  local ok, encoded, err = pcall(json.encode, value)
  if ok and encoded then return nil end
  return ("'%s' cannot be sent: %s"):format(name, tostring(ok and err or encoded))
end

local function problem_of(name, value)
  local wanted = types[name]
  if not wanted then
    return ("unknown name '%s'%s"):format(tostring(name), suggest.hint(name, names))
  elseif (wanted == "integer" and math.type(value) or type(value)) ~= wanted then
    return ("'%s' must be %s, not %s"):format(name,
      wanted == "integer" and "an integer" or "a " .. wanted, told(value))
  end
  return value_problem(name, value)
end

--- The problem with a policy's `task` that is a table, if there is one.
---@param value any
---@return string? problem
function task.problem(value)
  if type(value) ~= "table" then return ("expected a table, got a %s"):format(type(value)) end
  for name, one in pairs(value) do
    local problem = problem_of(name, one)
    if problem then return problem end
  end
  for _, name in ipairs { "cluster", "definition" } do
    if not value[name] then return ("'%s' is missing"):format(name) end
  end
  if value.launchType and value.capacityProviderStrategy then
    return "'launchType' and 'capacityProviderStrategy' exclude each other"
  end
end

return task
