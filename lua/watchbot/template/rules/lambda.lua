--- template.rules.lambda: what does not go with a Lambda function's image. Each rule returns what
-- is wrong and the name to look at in the file.

local capacity = require "watchbot.template.capacity"

-- What the function's image says itself, or one runtime cannot do.
local function excluded(given)
  if given.command then
    return "options 'command' and 'lambda' exclude each other: the function's image has its "
      .. "command, and 'handler' is its argument", "command"
  elseif given.image and given.lambda.image then
    return "options 'image' and 'lambda.image' are the same image: keep one of them", "image"
  elseif given.writableFilesystem then
    return "options 'writableFilesystem' and 'lambda' exclude each other: a function writes to "
      .. "/tmp, and stays for many messages", "writableFilesystem"
  elseif given.workers and given.workers ~= 1 then
    return "option 'workers' must be 1 with 'lambda': a container has one runtime; "
      .. "'maxScalingCapacity' is the number of containers", "workers"
  end
end

local function of_policy(given)
  if given.policy and given.lambda.batch then
    return "option 'lambda': 'batch' is set in the policy, which says lambda = { listen = 9001, "
      .. "batch = ... }", "batch"
  elseif given.policy and not given.watchbotImage then
    return "option 'policy' needs 'watchbotImage' with 'lambda': the image of watchbot that has "
      .. "the policy in it", "policy"
  end
end

-- Containers share a loopback interface only in the network of their task.
local function network(given)
  if capacity.fargate(given.capacity or "EC2") or given.networkMode == "awsvpc" then return nil end
  if given.managedInstances and given.networkMode ~= "host" then return nil end
  return "option 'lambda' needs capacity 'FARGATE' or networkMode 'awsvpc': the two containers "
    .. "talk over the task's loopback interface", "lambda"
end

local set_here = { AWS_LAMBDA_RUNTIME_API = true, _HANDLER = true }

local function variables(given)
  for _, name in ipairs { "env", "secrets" } do
    for variable in pairs(given[name] or {}) do
      if set_here[variable] then
        return ("option '%s': '%s' is set by 'lambda'"):format(name, variable), variable
      end
    end
  end
end

local all = { excluded, of_policy, network, variables }

--- What is wrong.
---@param given table<string, any>
---@return string? err
---@return string? name
return function(given)
  if not given.lambda then return nil end
  for _, rule in ipairs(all) do
    local err, name = rule(given)
    if err then return err, name end
  end
end
