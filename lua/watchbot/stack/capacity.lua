--- stack.capacity: how many more tasks of a definition fit on an ECS cluster of EC2 instances, and
-- which resource runs out first. Pure functions on ECS's descriptions. Ignores attributes and
-- placement constraints.
-- https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerInstance.html

local room = {}

---@class watchbot.Need
---@field cpu integer units
---@field memory integer MiB
---@field gpu integer
---@field ports table<string, boolean> "80/tcp": host ports that it uses

-- Without a size of the task, the sum of its containers; a container without `memory` reserves its
-- soft limit.
local function sum(containers, amount)
  local total = 0
  for _, container in ipairs(containers) do total = total + (amount(container) or 0) end
  return total
end

local function gpus(container)
  local count = 0
  for _, requirement in ipairs(container.resourceRequirements or {}) do
    if requirement.type == "GPU" then
      count = count + (math.tointeger(tonumber(requirement.value)) or 0)
    end
  end
  return count
end

local function ports_of(definition)
  local ports = {}
  if definition.networkMode == "awsvpc" then return ports end
  for _, container in ipairs(definition.containerDefinitions or {}) do
    for _, mapping in ipairs(container.portMappings or {}) do
      local port = definition.networkMode == "host" and mapping.containerPort or mapping.hostPort
      if port and port > 0 then ports[("%d/%s"):format(port, mapping.protocol or "tcp")] = true end
    end
  end
  return ports
end

--- The resources that one task of a definition needs.
---@param definition table of DescribeTaskDefinition
---@return watchbot.Need
function room.need(definition)
  local containers = definition.containerDefinitions or {}
  return {
    cpu = math.tointeger(tonumber(definition.cpu)) or sum(containers, function(one)
      return one.cpu
    end),
    memory = math.tointeger(tonumber(definition.memory))
      or sum(containers, function(one) return one.memoryReservation or one.memory end),
    gpu = sum(containers, gpus), ports = ports_of(definition),
  }
end

local function amounts_of(resources)
  local amounts = { ports = {} }
  for _, resource in ipairs(resources or {}) do
    if resource.name == "CPU" then amounts.cpu = resource.integerValue end
    if resource.name == "MEMORY" then amounts.memory = resource.integerValue end
    if resource.name == "GPU" then amounts.gpu = #(resource.stringSetValue or {}) end
    for _, port in ipairs(resource.stringSetValue or {}) do
      if resource.name == "PORTS" then amounts.ports[port .. "/tcp"] = true end
      if resource.name == "PORTS_UDP" then amounts.ports[port .. "/udp"] = true end
    end
  end
  return amounts
end

-- A host port can only be used once.
local function of_ports(need, amounts)
  if not next(need.ports) then return math.huge end
  for port in pairs(need.ports) do
    if amounts.ports[port] then return 0 end
  end
  return 1
end

local function times(amount, need)
  return need == 0 and math.huge or math.max(0, (amount or 0) // need)
end

--- How many more tasks fit on an instance.
---@param need watchbot.Need
---@param instance table of DescribeContainerInstances
---@return integer|number count math.huge if a task needs nothing
---@return "cpu"|"memory"|"gpu"|"ports" first the resource that runs out first
function room.on_instance(need, instance)
  local amounts = amounts_of(instance.remainingResources)
  local fewest, first = math.huge, "cpu"
  for _, one in ipairs {
    { "cpu", times(amounts.cpu, need.cpu) }, { "memory", times(amounts.memory, need.memory) },
    { "gpu", times(amounts.gpu, need.gpu) }, { "ports", of_ports(need, amounts) },
  } do
    if one[2] < fewest then first, fewest = one[1], one[2] end
  end
  return fewest, first
end

local function is_usable(instance)
  return instance.status == "ACTIVE" and instance.agentConnected ~= false
end

---@class watchbot.Room
---@field count integer|number tasks that fit
---@field instances integer instances that accept tasks
---@field unusable integer instances that do not: draining, or without a connected agent
---@field first string? the resource that runs out first on most instances

--- How many more tasks fit on all instances together.
---@param need watchbot.Need
---@param instances table[]
---@return watchbot.Room
function room.on_cluster(need, instances)
  local found, firsts = { count = 0, instances = 0, unusable = 0 }, {}
  for _, instance in ipairs(instances) do
    if is_usable(instance) then
      local count, first = room.on_instance(need, instance)
      found.count, found.instances = found.count + count, found.instances + 1
      firsts[first] = (firsts[first] or 0) + 1
    else
      found.unusable = found.unusable + 1
    end
  end
  local most = 0
  for _, name in ipairs { "cpu", "memory", "gpu", "ports" } do
    if (firsts[name] or 0) > most then found.first, most = name, firsts[name] end
  end
  return found
end

return room
