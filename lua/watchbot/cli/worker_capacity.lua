--- cli.worker_capacity: `watchbot worker-capacity`.

local aws = require "watchbot.aws"
local denied = require "watchbot.aws.denied"
local interruptible = require "watchbot.cli.interruptible"
local limits = require "watchbot.lib.limits"
local output = require "watchbot.cli.output"
local capacity = require "watchbot.stack.capacity"
local target = require "watchbot.cli.target"
local terminal = require "watchbot.cli.terminal"
local text = require "watchbot.lib.text"

-- Machines in one call:
-- https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeContainerInstances.html
local AT_ONCE = limits.ecs.described

local command = {
  summary = "Shows how many more workers fit into an ECS cluster, and what runs out first.",
  usage = "--stack NAME | --cluster NAME --task-definition NAME",
  options = {
    target.options[1], target.options[2],
    { name = "cluster", value = "NAME", help = "name or ARN; default: the stack's, $Cluster" },
    {
      name = "task-definition", value = "NAME",
      help = "the workers' task definition; default: the stack's, $TaskDefinition",
    },
    {
      name = "capacity-provider", value = "NAME", many = true,
      help = "only the machines of this capacity provider; may be repeated",
    },
    { name = "json", help = "one JSON object" },
  },
  details = [[
The capacity of each machine is its free CPU, memory, GPUs and ports. Placement constraints and
attributes are not checked, so fewer workers may fit. Tasks on Fargate need no machines in the
cluster. For ECS Managed Instances, and for capacity providers that scale, it is the room on the
machines that run now: ECS starts more when they are full.

examples:
  watchbot worker-capacity --stack tiles
  watchbot worker-capacity --cluster main --task-definition tiles:12 --json]],
}

local function explain(operation, err, code)
  err, code = denied.explain("ecs:" .. operation, nil, err, code)
  return nil, "worker-capacity: " .. err, code
end

local function definition_of(client, name)
  local result, err, code = client:DescribeTaskDefinition { taskDefinition = name }
  if not result then return explain("DescribeTaskDefinition", err, code) end
  return result.taskDefinition
end

local function describe(client, cluster, arns, instances)
  for first = 1, #arns, AT_ONCE do
    local some = table.move(arns, first, math.min(first + AT_ONCE - 1, #arns), 1, {})
    local result, err, code = client:DescribeContainerInstances {
      cluster = cluster, containerInstances = some,
    }
    if not result then return explain("DescribeContainerInstances", err, code) end
    table.move(result.containerInstances or {}, 1, #(result.containerInstances or {}),
      #instances + 1, instances)
  end
  return true
end

local function instances_of(client, cluster, progress)
  local parameters, instances = { cluster = cluster, maxResults = AT_ONCE }, {}
  repeat
    local page, err, code = client:ListContainerInstances(parameters)
    if not page then return explain("ListContainerInstances", err, code) end
    local ok
    ok, err, code = describe(client, cluster, page.containerInstanceArns or {}, instances)
    if not ok then return nil, err, code end
    progress:tell(("%d machines"):format(#instances))
    parameters.nextToken = page.nextToken
  until not page.nextToken
  return instances
end

-- The machines of these capacity providers; all without them.
local function of_providers(instances, providers)
  if not providers then return instances end
  local wanted, chosen = {}, {}
  for _, name in ipairs(providers) do wanted[name] = true end
  for _, instance in ipairs(instances) do
    if wanted[instance.capacityProviderName] then chosen[#chosen + 1] = instance end
  end
  return chosen
end

local names = { cpu = "CPU", memory = "memory", gpu = "GPUs", ports = "ports of the machines" }

local function is_for(definition, kind)
  for _, name in ipairs(definition.requiresCompatibilities or {}) do
    if name == kind then return true end
  end
  return false
end

local function show_size(need)
  output.line(("each worker takes %d CPU units, %d MiB%s"):format(need.cpu, need.memory,
    need.gpu > 0 and (", %d GPUs"):format(need.gpu) or ""))
end

local function show(need, found)
  show_size(need)
  output.line(("%d machines take tasks%s"):format(found.instances,
    found.unusable > 0
      and ("; %d more are draining, or their agent is not connected"):format(found.unusable) or ""))
  if found.count == math.huge then
    output.line "room for any number: the task definition reserves nothing"
  else
    local first = found.first and (", then %s runs out"):format(names[found.first]) or ""
    output.line(("room for %d more workers%s"):format(found.count, first))
  end
  if found.managed then
    output.line "ECS Managed Instances: ECS starts more machines when these are full"
  end
end

local function show_json(need, found)
  output.json {
    workers = found.count ~= math.huge and found.count or nil, first = found.first,
    instances = found.instances,
    unusable = found.unusable, cpu = need.cpu, memory = need.memory, gpu = need.gpu,
    fargate = found.fargate, managed = found.managed,
  }
end

local function measure(client, cluster, name, providers)
  local progress <close> = terminal.progress()
  local definition, err, code = definition_of(client, name)
  if not definition then return nil, err, code end
  local instances
  instances, err, code = instances_of(client, cluster, progress)
  if not instances then return nil, err, code end
  local need = capacity.need(definition)
  local found = capacity.on_cluster(need, of_providers(instances, providers))
  found.fargate = #instances == 0 and is_for(definition, "FARGATE") or nil
  found.managed = is_for(definition, "MANAGED_INSTANCES") or nil
  return need, found
end

-- => cluster, definition | nil err code
local function names_of(arguments)
  local found, err, code = target.find("worker-capacity", arguments)
  if not found then return nil, err, code end
  local cluster, definition
  cluster, err, code = found:need("ClusterArn", "cluster")
  if not cluster then return nil, err, code end
  definition, err, code = found:need("TaskDefinition", "task definition")
  if not definition then return nil, err, code end
  return cluster, definition
end

local function start(arguments)
  local cluster, definition, code = names_of(arguments)
  if not cluster then return nil, definition, code end
  local client, err
  client, err, code = aws("ecs", { place = cluster:match "^arn:" and cluster or nil })
  if not client then return nil, err, code end
  local need, found
  need, found, code = measure(client, cluster, definition, arguments["capacity-provider"])
  if not need then return nil, found, code end
  if arguments.json then
    show_json(need, found)
  elseif found.fargate then
    show_size(need)
    output.line "the workers run on Fargate: the limit is the account's quota of Fargate vCPUs"
  else
    show(need, found)
  end
  return 0
end

function command.run(arguments)
  if #arguments.words > 0 then
    return nil, ("worker-capacity: unexpected argument '%s'; name a stack with --stack"):format(
      text.word(arguments.words[1])), "Usage"
  end
  return interruptible(start, arguments)
end

return command
