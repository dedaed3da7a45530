--- watcher.deployment: whether the ECS service still wants the task that this watcher runs in, or a
-- deployment has replaced it. The task finds itself by its metadata, its service and deployment by
-- DescribeTasks.
-- https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
-- https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html

local json = require "watchbot.lib.json"
local http = require "watchbot.http"

-- Seconds for the metadata, and for a call of ECS with its retries.
local PATIENCE, CALL = 5, { within = 20 }

---@class watchbot.Deployment
local Deployment = {}
Deployment.__index = Deployment

local deployment = {}

---@param options { uri: string?, client: (fun(region: string): table?, string?)? }?
---@return watchbot.Deployment? deployment nil without task metadata
function deployment.new(options)
  options = options or {}
  local uri = options.uri or os.getenv "ECS_CONTAINER_METADATA_URI_V4"
  if not uri or uri == "" then return nil end
  return setmetatable({ uri = uri, make_client = options.client }, Deployment)
end

local function ecs_client(region)
  return require "watchbot.aws".client("ecs", { region = region })
end

-- => metadata ; or nil, err
local function metadata_of(uri)
  local response, err = http.request { url = uri .. "/task", timeout = PATIENCE, direct = true }
  if not response then return nil, err end
  local task = response.status == 200 and json.decode(response.body, true)
  if type(task) == "table" and type(task.TaskARN) == "string" then return task end
  return nil, ("task metadata: unexpected answer with status %d"):format(response.status)
end

-- The identity of this task: requested once.
function Deployment:identify()
  local metadata, err = metadata_of(self.uri)
  if not metadata then return nil, err end
  local client
  client, err = (self.make_client or ecs_client)(metadata.TaskARN:match "^arn:[^:]*:ecs:([^:]*)")
  if not client then return nil, err end
  local answer, code
  answer, err, code = client:DescribeTasks({
    cluster = metadata.Cluster, tasks = { metadata.TaskARN },
  }, CALL)
  if not answer then return nil, err, code end
  local task = (answer.tasks or {})[1]
  if not task then return nil, ("ECS does not know the task '%s'"):format(metadata.TaskARN) end
  self.client, self.cluster, self.task = client, metadata.Cluster, task
  self.service = type(task.group) == "string" and task.group:match "^service:(.+)" or nil
  return true
end

-- A forced deployment has the same task definition, so the deployment that started the task counts
-- first; a rollback may continue with tasks of a deployment that is no longer listed.
local function is_replaced(task, deployments)
  local primary
  for _, one in ipairs(deployments) do
    if one.status == "PRIMARY" then primary = one end
    if one.id == task.startedBy then return one.status ~= "PRIMARY" end
  end
  return primary ~= nil and primary.taskDefinition ~= task.taskDefinitionArn
end

--- Asks ECS. Waits in a task.
---@return "current"|"replaced"|nil state
---@return string? err
---@return string? code
function Deployment:state()
  if not self.task then
    local ok, err, code = self:identify()
    if not ok then return nil, err, code end
  end
  if not self.service then return "current" end
  local answer, err, code = self.client:DescribeServices({
    cluster = self.cluster, services = { self.service },
  }, CALL)
  if not answer then return nil, err, code end
  local service = (answer.services or {})[1]
  if not service then return nil, ("ECS does not know the service '%s'"):format(self.service) end
  return is_replaced(self.task, service.deployments or {}) and "replaced" or "current"
end

return deployment
