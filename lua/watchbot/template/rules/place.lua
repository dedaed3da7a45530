--- template.rules.place: rules about several options of where tasks run: Fargate or the user's own
-- instances, networks, constraints. Each rule returns the problem, the name to look at in the file,
-- and the key of template.pages.

local capacity = require "watchbot.template.capacity"
local cf = require "watchbot.template.cf"
local mounts = require "watchbot.template.mounts"

local only_ec2 = { "privileged", "networkMode", "placementConstraints", "placementStrategies" }
local only_network = { "fargateSubnets", "fargateSecurityGroups", "fargatePublicIp" }

local function fargate_mounts(given)
  if mounts.has_docker_volume(given.mounts) then
    return "option 'mounts': Fargate does not support 'DockerVolumeConfiguration'", "mounts",
      "volumes"
  end
  local path = mounts.host_of(given.mounts)
  if not path then return nil end
  return ("option 'mounts': %s is a host path, and Fargate has no host paths: use scratch space "
    .. "('/container'), or EFS in { volumes = ..., mountPoints = ... }"):format(
      cf.is(path) and "an intrinsic" or "'" .. path .. "'"), "mounts", "fargate"
end

local function fargate_container(given)
  for name in pairs(given.ulimits or {}) do
    if name ~= "nofile" then
      return ("option 'ulimits': Fargate supports 'nofile', not '%s'"):format(name), name, "ulimits"
    end
  end
  if given.reservation and given.reservation.gpu then
    return "option 'reservation': Fargate does not support 'gpu'", "gpu", "fargate"
  end
end

local function fargate_sizes(given)
  for _, name in ipairs { "reservation", "watcherReservation" } do
    local size, problem = capacity.size(given[name] or {})
    if not size then return ("option '%s': %s"):format(name, problem), name, "size" end
  end
end

local function fargate(given)
  for _, name in ipairs(only_ec2) do
    if given[name] then
      return ("option '%s': Fargate does not support it"):format(name), name, "fargate"
    end
  end
end

local function first(rules, given)
  for _, rule in ipairs(rules) do
    local err, name, page = rule(given)
    if err then return err, name, page end
  end
end

local of_fargate = { fargate_mounts, fargate_container, fargate, fargate_sizes }

local function network(given, on_fargate)
  local has_network = on_fargate or given.networkMode == "awsvpc"
    or given.managedInstances and given.networkMode ~= "host"
  if has_network and not on_fargate and given.fargatePublicIp == "ENABLED" then
    return "option 'fargatePublicIp': only tasks on Fargate can have a public address",
      "fargatePublicIp"
  elseif has_network then
    if given.fargateSubnets then return nil end
    return "missing option 'fargateSubnets': the subnets of tasks that have their own "
      .. "address", "fargateSubnets"
  end
  if given.ephemeralStorageGiB then
    return "option 'ephemeralStorageGiB' is for Fargate", "ephemeralStorageGiB"
  end
  for _, name in ipairs(only_network) do
    if given[name] then
      return ("option '%s' is for Fargate, or for networkMode 'awsvpc'"):format(name), name
    end
  end
end

-- https://docs.aws.amazon.com/AmazonECS/latest/developerguide/
-- task_definition_parameters-managed-instances.html
local function managed_instances(given, on_fargate)
  if not given.managedInstances then return nil end
  if on_fargate or type(given.capacity) ~= "table" then
    return "option 'managedInstances' needs 'capacity' with the names of capacity providers, like "
      .. "{ instances = 1 }", "managedInstances", "managedInstances"
  elseif given.networkMode == "bridge" then
    return "option 'networkMode': ECS Managed Instances support 'awsvpc' and 'host', not 'bridge'",
      "networkMode", "managedInstances"
  end
end

local function constraints(given)
  for index, one in ipairs(given.placementConstraints or {}) do
    local at = ("option 'placementConstraints': item %d: "):format(index)
    if not one.type then return at .. "'type' is missing", "placementConstraints" end
    if one.type == "memberOf" and not one.expression then
      return at .. "'memberOf' needs an 'expression'", "placementConstraints"
    elseif one.type == "distinctInstance" and one.expression then
      return at .. "'distinctInstance' takes no 'expression'", "expression", "placementConstraints"
    end
  end
end

local function fits_field(kind, field)
  if kind == "binpack" then return field == "cpu" or field == "memory", "'cpu' or 'memory'" end
  return field == "instanceid" or field == "host" or field:find "^attribute:[%w_.:-]+$",
    "'instanceId', 'host' or 'attribute:NAME'"
end

local function strategies(given)
  for index, one in ipairs(given.placementStrategies or {}) do
    local at = ("option 'placementStrategies': item %d: "):format(index)
    local field = type(one.field) == "string" and one.field:lower()
    if not one.type then return at .. "'type' is missing", "placementStrategies" end
    if one.type == "random" and one.field then
      return at .. "'random' takes no 'field'", "field", "placementStrategies"
    elseif one.type ~= "random" and not cf.is(one.type) and not one.field then
      return at .. ("'%s' needs a 'field'"):format(one.type), "placementStrategies"
    end
    local fits, known = true, nil
    if field and not cf.is(one.type) then fits, known = fits_field(one.type, field) end
    if not fits then
      return at .. ("'%s' is by %s, not '%s'"):format(one.type, known, one.field), "field",
        "placementStrategies"
    end
  end
end

--- The problem, if there is one.
---@param given table<string, any>
---@return string? err
---@return string? name
---@return string? page
return function(given)
  local problem = capacity.problem(given.capacity)
  if problem then return "option 'capacity': " .. problem, "capacity" end
  local on_fargate = capacity.fargate(given.capacity or "EC2")
  local err, name, page
  if on_fargate then err, name, page = first(of_fargate, given) end
  if not err then err, name, page = managed_instances(given, on_fargate) end
  if not err then err, name, page = network(given, on_fargate) end
  if err then return err, name, page end
  return first({ constraints, strategies }, given)
end
