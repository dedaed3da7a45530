--- template.capacity: the meaning of the option `capacity`: a launch type or capacity providers,
-- and the task sizes that Fargate has.

local cf = require "watchbot.template.cf"
local sorted = require "watchbot.lib.sorted"

local capacity = {}

-- MiB available with each number of CPU units: from, to, step.
-- https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
local sizes = {
  { 256, 512, 512 }, { 256, 1024, 2048, 1024 }, { 512, 1024, 4096, 1024 },
  { 1024, 2048, 8192, 1024 },
  { 2048, 4096, 16384, 1024 }, { 4096, 8192, 30720, 1024 }, { 8192, 16384, 61440, 4096 },
  { 16384, 32768, 122880, 8192 },
}

local is_fargate = { FARGATE = true, FARGATE_SPOT = true }

--- Whether the tasks run on Fargate.
---@param choice string|table the option `capacity`
---@return boolean
function capacity.fargate(choice)
  if type(choice) == "string" then return is_fargate[choice] == true end
  return is_fargate[next(choice)] == true
end

-- A weight alone, or a weight and a base.
local function settings(given)
  if type(given) == "table" and not cf.is(given) then return given end
  return { weight = given }
end

--- The problem with a mix of capacity providers, if there is one.
---@param choice any
---@return string? problem
function capacity.problem(choice)
  if type(choice) ~= "table" then return nil end
  if not next(choice) then return "expected at least one capacity provider" end
  local fargate, based, weighty = 0, 0, 0
  local names = sorted.keys(choice)
  for _, name in ipairs(names) do
    local of = settings(choice[name])
    if is_fargate[name] then fargate = fargate + 1 end
    if of.base then based = based + 1 end
    if of.weight and of.weight ~= 0 then weighty = weighty + 1 end
  end
  if fargate > 0 and fargate < #names then
    return "ECS does not mix Fargate with other capacity providers"
  end
  if based > 1 then return "only one capacity provider can have a base" end
  if weighty == 0 then return "at least one capacity provider must have a weight above 0" end
end

--- The capacity providers, in the form a template has; nil if there is a launch type, or if the
--- cluster decides.
---@param choice string|table
---@return table[]?
function capacity.strategy(choice)
  if choice == "FARGATE_SPOT" then return { { CapacityProvider = choice, Weight = 1 } } end
  if type(choice) == "string" then return nil end
  local strategy = {}
  for index, name in ipairs(sorted.keys(choice)) do
    local of = settings(choice[name])
    strategy[index] = { CapacityProvider = name, Weight = of.weight or 0, Base = of.base }
  end
  return strategy
end

local function fits(size, memory)
  local units = size[4] or size[3]
  return memory >= size[2] and memory <= size[3] and (memory - size[2]) % units == 0
end

-- For an error: the memory sizes available with `cpu`.
local function told(cpu)
  local parts = {}
  for _, size in ipairs(sizes) do
    if size[1] == cpu then
      parts[#parts + 1] = size[4] and ("%d to %d in steps of %d"):format(size[2], size[3], size[4])
        or tostring(size[2])
    end
  end
  return #parts > 0 and table.concat(parts, ", or ") or nil
end

--- CPU units and MiB of a task on Fargate; a missing one is the smallest that goes with the other.
---@param reservation { cpu: any, memory: any, softMemory: any }
---@return { cpu: any, memory: any }? size
---@return string? problem
function capacity.size(reservation)
  local cpu, memory = reservation.cpu, reservation.memory or reservation.softMemory
  if cf.is(cpu) or cf.is(memory) then return { cpu = cpu or 256, memory = memory or 512 } end
  for _, size in ipairs(sizes) do
    if (not cpu or size[1] == cpu) and (not memory or fits(size, memory)) then
      return { cpu = size[1], memory = memory or size[2] }
    end
  end
  if not cpu then return nil, ("Fargate does not support %d MiB of memory"):format(memory) end
  local memories = told(cpu)
  if not memories then
    return nil, ("Fargate does not support %d CPU units; choose 256, 512, 1024, 2048, 4096, "
      .. "8192 "
      .. "and 16384"):format(cpu)
  end
  return nil, ("Fargate does not support %d CPU units with %d MiB of memory; "
    .. "with %d units, memory can be %s"):format(cpu, memory, cpu,
    memories)
end

return capacity
