--- cli.machine.container: the check of `watchbot check` on the container that it runs in: whether
-- its stop timeout lets tasks end by themselves. ECS and Kubernetes do not tell a container its
-- timeout; the template of watchbot sets the variable stopTimeout.
-- https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html

local container = {}

-- Seconds from SIGTERM to SIGKILL: the default of ECS and of Kubernetes, and the most on Fargate.
local DEFAULT, FARGATE = 30, 120

--- Seconds that the watcher needs after SIGTERM.
---@param policy watchbot.Policy
---@return number
function container.needed(policy)
  local on_stop = policy:stopping()
  if on_stop == "leave" then return 0 end
  return (on_stop == "drain" and policy.drain or 0) + policy.kill_grace
end

local function find(needed, getenv)
  local fargate = getenv "AWS_EXECUTION_ENV" == "AWS_ECS_FARGATE"
  local declared = tonumber(getenv "stopTimeout" or "")
  if fargate and needed >= FARGATE then
    return ("Fargate kills a container %d s after SIGTERM at most"):format(FARGATE),
      ("make them less than %d"):format(FARGATE)
  elseif declared then
    return ("the container's stop timeout ($stopTimeout) is %g s"):format(declared),
      ("set stopTimeout to %g"):format(needed + 10)
  elseif getenv "ECS_CONTAINER_METADATA_URI_V4" then
    return ("ECS kills a container after its stopTimeout, which is %d s unless the task definition "
      .. "sets it"):format(DEFAULT), ("set it to %g"):format(needed + 10)
  elseif getenv "KUBERNETES_SERVICE_HOST" then
    return ("Kubernetes kills a container after its terminationGracePeriodSeconds, which is %d "
      .. "unless the pod sets it"):format(DEFAULT), ("set it to %g"):format(needed + 10)
  end
end

--- Adds findings; none outside a container of ECS or Kubernetes.
---@param add fun(what: string, level: "warning", message: string)
---@param policy watchbot.Policy?
---@param getenv (fun(name: string): string?)?
function container.look(add, policy, getenv)
  getenv = getenv or os.getenv
  local needed = policy and container.needed(policy) or 0
  local limit = tonumber(getenv "stopTimeout" or "") or DEFAULT
  if needed < limit then return end
  local why, advice = find(needed, getenv)
  if not why then return end
  add("container", "warning", ("%s, and 'drain' and 'kill_grace' are %g s together: tasks and the "
    .. "watcher may be killed before they end; %s"):format(why, needed, advice))
end

return container
