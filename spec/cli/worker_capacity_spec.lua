-- `watchbot worker-capacity`, with a scripted ECS: moto's machines have no room that could be
-- chosen, and there are never more than fit into one call.

local cjson = require "cjson"
local http = require "watchbot.http"
local server = require "support.server"
local workshop = require "support.workshop"

local task = workshop.task

describe("watchbot worker-capacity", function()
  local scripted

  setup(function() scripted = server.start("python3", "spec/support/scripted.py") end)
  teardown(function() scripted:close() end)

  local function told(...)
    local script = {}
    for index, answer in ipairs { ... } do
      script[index] = answer.status and answer or { body = cjson.encode(answer) }
    end
    assert(assert(http.request { method = "PUT", url = scripted.url .. "/script",
      body = cjson.encode(script) }).status == 200)
  end

  local function asked()
    local calls = cjson.decode(assert(http.request { url = scripted.url .. "/log" }).body)
    for index, call in ipairs(calls) do
      local operation = call.headers["x-amz-target"]:match "%.(%w+)$"
      calls[index] = { operation = operation, parameters = cjson.decode(call.body) }
    end
    return calls
  end

  local function run(folder, arguments, more)
    local variables = {
      AWS_ENDPOINT_URL = scripted.url, AWS_REGION = "eu-west-1", AWS_ACCESS_KEY_ID = "AKID",
      AWS_SECRET_ACCESS_KEY = "any",
      AWS_SESSION_TOKEN = false, AWS_PROFILE = false, AWS_CONFIG_FILE = "/dev/null",
      AWS_SHARED_CREDENTIALS_FILE = "/dev/null",
      AWS_MAX_ATTEMPTS = "1", StackName = false, QueueUrl = false, Cluster = false,
      TaskDefinition = false,
    }
    for name, value in pairs(more or {}) do variables[name] = value end
    return workshop.run(folder, { "worker-capacity", table.unpack(arguments) }, variables)
  end

  local DEFINITION = {
    taskDefinition = { containerDefinitions = { { name = "worker", cpu = 256, memory = 512 } } },
  }

  local function machine(cpu, memory, status)
    return { status = status or "ACTIVE", agentConnected = true, remainingResources = {
      { name = "CPU", integerValue = cpu }, { name = "MEMORY", integerValue = memory },
    } }
  end

  -- A cluster has machines of several capacity providers, and the workers run on one of them.
  it("counts the machines of a capacity provider, and says that ECS starts more",
    task(function(folder)
    local ours, theirs = machine(512, 1024), machine(4096, 8192)
    ours.capacityProviderName, theirs.capacityProviderName = "instances", "web"
    local managed = { taskDefinition = {
      requiresCompatibilities = { "MANAGED_INSTANCES" }, networkMode = "awsvpc",
      containerDefinitions = DEFINITION.taskDefinition.containerDefinitions,
    } }
    local answers = { managed, { containerInstanceArns = { "a", "b" } },
      { containerInstances = { ours, theirs } } }
    told(table.unpack(answers))
    local arguments = { "--cluster", "main", "--task-definition", "tiles",
      "--capacity-provider", "instances" }
    local exit, out, problem = run(folder, arguments)
    assert.are.equal(0, exit.code, problem)
    assert.matches("1 machines take tasks\n", out)
    assert.matches("room for 2 more workers", out)
    assert.matches("ECS Managed Instances: ECS starts more machines", out)
    told(table.unpack(answers))
    arguments[#arguments + 1] = "--json"
    exit, out = run(folder, arguments)
    assert.are.equal(0, exit.code)
    assert.are.same({ 2, true, 1 },
      { cjson.decode(out).workers, cjson.decode(out).managed, cjson.decode(out).instances })
  end))

  it("adds up the room of all machines, page after page", task(function(folder)
    told(DEFINITION, { containerInstanceArns = { "a", "b" }, nextToken = "more" },
      { containerInstances = { machine(1024, 600), machine(1024, 4096) } },
      { containerInstanceArns = { "c" } },
        { containerInstances = { machine(1024, 4096, "DRAINING") } })
    local exit, out, problem = run(folder, { "--cluster", "main", "--task-definition", "tiles:12" })
    assert.are.equal(0, exit.code, problem)
    assert.are.equal("each worker takes 256 CPU units, 512 MiB\n"
      .. "2 machines take tasks; 1 more are draining, or their agent is not connected\n"
      .. "room for 5 more workers, then CPU runs out\n", out)
    local calls = asked()
    assert.are.same({ "DescribeTaskDefinition", "ListContainerInstances",
    "DescribeContainerInstances",
      "ListContainerInstances", "DescribeContainerInstances" },
      { calls[1].operation, calls[2].operation, calls[3].operation,
      calls[4].operation, calls[5].operation })
    assert.are.equal("more", calls[4].parameters.nextToken)
    assert.are.same({ "a", "b" }, calls[3].parameters.containerInstances)
  end))

  it("takes names from the watcher's environment, and prints JSON", task(function(folder)
    told(DEFINITION, { containerInstanceArns = { "a" } },
      { containerInstances = { machine(2048, 1024) } })
    local exit, out, problem =
      run(folder, { "--json" }, { Cluster = "main", TaskDefinition = "tiles" })
    assert.are.equal(0, exit.code, problem)
    assert.are.same({
      workers = 2, first = "memory", instances = 1, unusable = 0, cpu = 256, memory = 512, gpu = 0,
    },
      cjson.decode(out))
  end))

  it("says that Fargate has no machines to fill", task(function(folder)
    told({ taskDefinition = { cpu = "256", memory = "512",
      requiresCompatibilities = { "FARGATE" } } }, {})
    local exit, out = run(folder, { "--cluster", "main", "--task-definition", "tiles" })
    assert.are.equal(0, exit.code)
    assert.matches("the account's quota of Fargate vCPUs", out)
  end))

  it("names what is missing: a permission, a name", task(function(folder)
    told { status = 400, body = cjson.encode { __type = "AccessDeniedException", message = "no" } }
    local exit, _, problem = run(folder, { "--cluster", "main", "--task-definition", "tiles" })
    assert.are.equal(1, exit.code)
    assert.matches("do not allow 'ecs:DescribeTaskDefinition'", problem)
    exit, _, problem = run(folder, { "--cluster", "main" })
    assert.are.equal(2, exit.code)
    assert.matches("worker%-capacity: no task definition: give", problem)
  end))
end)
