--- runner.ecs.request: the RunTask call for a job. A pure function of policy, job and environment.
-- https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html

local core = require "watchbot.core"
local json = require "watchbot.lib.json"
local limits = require "watchbot.lib.limits"

local request = {}

-- Characters of JSON that the overrides of a task may have in all.
local LARGEST = limits.ecs.overrides

-- Characters of `startedBy`.
local LONGEST_STARTED_BY = limits.ecs.started_by

-- What is handed to RunTask as it is, under AWS's names.
local passed_on = {
  "capacityProviderStrategy", "enableExecuteCommand", "group", "launchType", "networkConfiguration", "placementConstraints",
  "placementStrategy", "platformVersion", "propagateTags", "tags", "volumeConfigurations",
}

-- Of the letters that AWS takes, and no longer than it takes them. What has to be changed gets a hash of what it was, so that
-- two names never become the same: the tasks of another stack would be taken for ours.
local function fitting(text, others, length)
  local plain = text:gsub(others, "-")
  if plain == text and #text <= length then return text end
  return plain:sub(1, length - 17) .. "-" .. core.aws.sha256(text):sub(1, 16)
end

--- Whom a task was started by: STACK/MESSAGEID, of the letters that AWS takes.
---@param stack string
---@param id string the message's id
---@return string
function request.started_by(stack, id)
  id = fitting(id, "[^%w_-]", 64)
  return fitting(stack, "[^%w/_-]", LONGEST_STARTED_BY - 1 - #id) .. "/" .. id
end

--- Makes RunTask idempotent for one receive: an answer that was lost is asked for again and runs nothing twice. An answer that
--- said no is another `try`.
---@param queue string
---@param job watchbot.Job
---@param try integer
---@return string of 64 characters, the most there may be
function request.client_token(queue, job, try)
  return core.aws.sha256(("%s\n%s\n%d\n%d"):format(queue, job.id, job.receives, try))
end

local function environment_of(variables)
  local environment = {}
  for name, value in pairs(variables) do environment[#environment + 1] = { name = name, value = value } end
  table.sort(environment, function(a, b) return a.name < b.name end)
  return environment
end

local function characters(text)
  return utf8.len(text) or #text
end

local function too_big(size, job)
  return nil, ("the message does not fit an ECS task: its overrides would have %d characters (%d of them the message's), and "
    .. "%d are allowed; put the data elsewhere, in S3 say, and send where it is"):format(size, characters(job.message),
    LARGEST), "TooBig"
end

local function cannot_be_handed(problem)
  return nil, "the message cannot be handed to an ECS task: " .. problem, "TooBig"
end

--- Makes the parameters of RunTask.
---@param task watchbot.ecs.Task
---@param job watchbot.Job
---@param variables table<string, string>
---@param identity { queue: string, stack: string, try: integer, container: string }
---@return table? parameters
---@return string? message
---@return string? code "TooBig"
function request.build(task, job, variables, identity)
  if job.message:find("\0", 1, true) then return cannot_be_handed "it holds a NUL, which no environment takes" end
  -- A message that the environment of a process could not hold is far too big for the overrides, too.
  if not job:fits_environment() then return too_big(characters(job.message), job) end
  local overrides = {
    containerOverrides = { {
      name = identity.container, environment = environment_of(variables), command = task.command, cpu = task.cpu,
      memory = task.memory,
    } },
  }
  local encoded, problem = json.encode(overrides)
  if not encoded then return cannot_be_handed(problem) end
  local size = characters(encoded)
  if size > LARGEST then return too_big(size, job) end
  local parameters = {
    cluster = task.cluster, taskDefinition = task.definition, count = 1, overrides = overrides,
    startedBy = request.started_by(identity.stack, job.id),
    clientToken = request.client_token(identity.queue, job, identity.try),
  }
  for _, name in ipairs(passed_on) do parameters[name] = task[name] end
  return parameters
end

return request
