--- runner.ecs.request: the RunTask call for a job. A pure function of policy, job and environment.
-- The errors distinguish what makes it too big: the message, or the policy.
-- https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html

local core = require "watchbot.core"
local json = require "watchbot.lib.json"
local limits = require "watchbot.lib.limits"

local request = {}

-- The most characters of JSON that the overrides of a task may have.
local LARGEST = limits.ecs.overrides

-- Characters of `startedBy`.
local LONGEST_STARTED_BY = limits.ecs.started_by

-- Options passed to RunTask unchanged, under AWS's names.
local passed_on = {
  "capacityProviderStrategy", "enableExecuteCommand", "group", "launchType", "networkConfiguration",
  "placementConstraints", "placementStrategy", "platformVersion", "propagateTags", "tags",
  "volumeConfigurations",
}

-- Variables with parts of the message, in the order in which they are checked.
local OF_MESSAGE = { "Message", "Subject", "MessageAttributes" }

-- Variables that are left out where there is no room, the first one first. What the policy has set
-- under such a name stays.
local SPARED = {
  "MessageAttributes", "BAGGAGE", "TRACESTATE", "_X_AMZN_TRACE_ID", "TRACEPARENT",
}

-- Only characters that AWS accepts, with a limited length. A changed name gets a hash of the
-- original, so that two names are never the same: otherwise the tasks of another stack would be
-- mistaken for this stack's.
local function fitting(text, others, length)
  local plain = text:gsub(others, "-")
  if plain == text and #text <= length then return text end
  return plain:sub(1, length - 17) .. "-" .. core.aws.sha256(text):sub(1, 16)
end

--- The `startedBy` of a task: STACK/MESSAGEID, in characters that AWS accepts.
---@param stack string
---@param id string the message's id
---@return string
function request.started_by(stack, id)
  id = fitting(id, "[^%w_-]", 64)
  return fitting(stack, "[^%w/_-]", LONGEST_STARTED_BY - 1 - #id) .. "/" .. id
end

local function environment_of(variables)
  local environment = {}
  for name, value in pairs(variables) do
    environment[#environment + 1] = { name = tostring(name), value = tostring(value) }
  end
  table.sort(environment, function(a, b) return a.name < b.name end)
  return environment
end

local function overrides_of(task, variables, container)
  return { containerOverrides = { {
    name = container, environment = environment_of(variables), command = task.command,
    cpu = task.cpu, memory = task.memory,
  } } }
end

local function characters(text)
  return utf8.len(text) or #text
end

-- => characters of the overrides as JSON | nil err code
local function size_of(task, variables, container)
  local encoded, err = json.encode(overrides_of(task, variables, container))
  if not encoded then return nil, err, "InvalidText" end
  return characters(encoded)
end

local function without_message(job, variables)
  local rest = {}
  for name, value in pairs(variables) do rest[name] = value end
  for _, name in ipairs(OF_MESSAGE) do rest[name] = rest[name] and "" end
  local own = job:variables()
  for _, name in ipairs(SPARED) do rest[name] = rest[name] ~= own[name] and rest[name] or nil end
  return rest
end

local function policy_too_big(size)
  return nil, ("the policy's environment and command do not fit an ECS task: without the message "
    .. "its "
    .. "overrides would have %d characters, and %d are allowed; shorten 'env' and 'command', or "
    .. "put "
    .. "them into the task definition"):format(size, LARGEST), "EnvironmentTooBig"
end

local function message_too_big(size, job)
  return nil, ("the message does not fit an ECS task: its overrides would have %d characters (%d "
    .. "of "
    .. "them the message's), and %d are allowed; put the data elsewhere, in S3 say, and send where "
    .. "it is"):format(size, characters(job.message), LARGEST), "TooBig"
end

-- Whether a variable is the message's own: a hook may have set it.
local function is_of_message(job, name, value)
  return job ~= nil and job:variables()[name] == value
end

local function text_problem(value)
  if value:find("\0", 1, true) then return "it contains a NUL" end
  return not utf8.len(value) and "it is not UTF-8" or nil
end

-- The variable that a container cannot receive: its text is not UTF-8, or contains a NUL. No retry
-- would change the message, so the message is buried.
local function check_text(variables, job)
  for name, value in pairs(variables) do
    local problem = text_problem(tostring(value))
    if problem then
      return nil, ("the environment variable '%s' cannot be passed to an ECS task: %s"):format(name,
        problem), is_of_message(job, name, value) and "InvalidMessage" or "InvalidText"
    end
  end
  return true
end

-- Parts of the message that the environment of a process cannot hold are absent from the variables.
local function check_message(job)
  if job.message:find("\0", 1, true) then
    return nil, "the message cannot be passed to an ECS task: it contains a NUL", "InvalidMessage"
  elseif not job:fits_environment() then
    return message_too_big(characters(job.message), job)
  end
  return true
end

-- The variables that fit: all, or all but some of those that may be left out.
local function fit(task, job, variables, identity)
  local container = identity.container
  local size, err, code = size_of(task, variables, container)
  if not size then return nil, err, code end
  if size <= LARGEST then return variables end
  local fixed = size_of(task, without_message(job, variables), container)
  if fixed > LARGEST then return policy_too_big(fixed) end
  if identity.overflow then return message_too_big(size, job) end
  local fewer, left, own = {}, {}, job:variables()
  for name, value in pairs(variables) do fewer[name] = value end
  for _, name in ipairs(SPARED) do
    if fewer[name] ~= nil and (name == "MessageAttributes" or fewer[name] == own[name]) then
      fewer[name], left[#left + 1] = nil, name
      if size_of(task, fewer, container) <= LARGEST then return fewer, left end
    end
  end
  return message_too_big(size, job)
end

--- The problem with the fixed part of a policy, whatever the message.
---@param task watchbot.ecs.Task
---@param env table<string, string>
---@return true? ok
---@return string? err
---@return string? code "EnvironmentTooBig", "InvalidText"
function request.check(task, env)
  local ok, err, code = check_text(env)
  if not ok then return nil, err, code end
  local size
  size, err, code = size_of(task, env, task.container or "")
  if not size then return nil, err, code end
  if size > LARGEST then return policy_too_big(size) end
  return true
end

--- The parameters of RunTask, except for the client token.
---@param task watchbot.ecs.Task
---@param job watchbot.Job
---@param variables table<string, string>
---@param identity { stack: string, container: string, overflow: boolean?, stored: boolean? }
--- overflow: a message that is too big can be stored, so that nothing is left out; stored: it is
---@return table? parameters
---@return string? err
---@return string? code "TooBig", "InvalidMessage": because of the message; "EnvironmentTooBig",
--- "InvalidText"
---@return string|false|nil left the variables that had no room
function request.build(task, job, variables, identity)
  local ok, err, code = true, nil, nil
  if not identity.stored then ok, err, code = check_message(job) end
  if ok then ok, err, code = check_text(variables, job) end
  if not ok then return nil, err, code end
  local fitting_variables, left
  fitting_variables, left, code = fit(task, job, variables, identity)
  if not fitting_variables then return nil, left, code end
  local parameters = {
    cluster = task.cluster, taskDefinition = task.definition, count = 1,
    overrides = overrides_of(task, fitting_variables, identity.container),
    startedBy = request.started_by(identity.stack, job.id),
  }
  for _, name in ipairs(passed_on) do parameters[name] = task[name] end
  return parameters, nil, nil, left and table.concat(left, ", ") or false
end

return request
