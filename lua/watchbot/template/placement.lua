--- template.placement: where tasks run: launch type or capacity providers, network, constraints and
-- strategies; for a service, and for the tasks that watchers start. Watchers receive theirs as JSON
-- in the environment.

local capacity = require "watchbot.template.capacity"
local cf = require "watchbot.template.cf"
local pieces = require "watchbot.template.pieces"

local placement = {}

--- Whether each task has an IP address, and therefore needs a subnet.
---@param options watchbot.template.Options
---@return boolean
function placement.has_network(options)
  return capacity.fargate(options.capacity) or options.networkMode == "awsvpc"
    or options.managedInstances and options.networkMode ~= "host"
end

-- Only Fargate assigns public addresses.
local function public_address(options)
  return capacity.fargate(options.capacity) and options.fargatePublicIp or nil
end

local function strategy(options)
  local list = capacity.strategy(options.capacity)
  if list then return list end
  if options.capacity == "FARGATE" then return nil, "FARGATE" end
end

-- { type =, field = } in the form a template has.
local function capitalized(list)
  local result = {}
  for index, item in ipairs(list) do
    result[index] = { Type = item.type, Expression = item.expression, Field = item.field }
  end
  return result
end

--- The properties of a service.
---@param options watchbot.template.Options
---@return table
function placement.of_service(options)
  local properties = {}
  properties.CapacityProviderStrategy, properties.LaunchType = strategy(options)
  if placement.has_network(options) then
    properties.NetworkConfiguration = { AwsvpcConfiguration = {
      Subnets = options.fargateSubnets, SecurityGroups = options.fargateSecurityGroups or nil,
      AssignPublicIp = public_address(options),
    } }
  end
  if options.mode == "process" then
    properties.PlacementConstraints = options.placementConstraints
      and capitalized(options.placementConstraints) or nil
    properties.PlacementStrategies = options.placementStrategies
      and capitalized(options.placementStrategies) or nil
  end
  return properties
end

local function number(value)
  return cf.is(value) and pieces.raw(value) or value
end

local function providers(list)
  local result = {}
  for index, item in ipairs(list) do
    result[index] = {
      capacityProvider = item.CapacityProvider, weight = number(item.Weight),
      base = number(item.Base),
    }
  end
  return result
end

--- The parameters of RunTask besides the task definition, as JSON text (an intrinsic, if it holds
--- any); nil: no parameters.
---@param options watchbot.template.Options
---@return any
function placement.of_tasks(options)
  local list, launch_type = strategy(options)
  local task = {
    launchType = launch_type, capacityProviderStrategy = list and providers(list),
    propagateTags = next(options.tags) and "TASK_DEFINITION" or nil,
    placementConstraints = options.placementConstraints or nil,
    placementStrategy = options.placementStrategies or nil,
  }
  if placement.has_network(options) then
    local groups = options.fargateSecurityGroups
    task.networkConfiguration = { awsvpcConfiguration = {
      subnets = pieces.texts(options.fargateSubnets),
      securityGroups = groups and pieces.texts(groups) or nil,
      assignPublicIp = public_address(options),
    } }
  end
  return next(task) and pieces.json(task) or nil
end

return placement
