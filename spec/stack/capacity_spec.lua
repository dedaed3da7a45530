local capacity = require "watchbot.stack.capacity"

local function instance(cpu, memory, more)
  more = more or {}
  local resources = {
    { name = "CPU", integerValue = cpu }, { name = "MEMORY", integerValue = memory },
    { name = "PORTS", stringSetValue = { "22", "80" } },
    { name = "PORTS_UDP", stringSetValue = {} },
  }
  if more.gpus then table.insert(resources, { name = "GPU", stringSetValue = more.gpus }) end
  return {
    status = more.status or "ACTIVE", agentConnected = not more.lost,
    remainingResources = resources,
  }
end

describe("what a task takes", function()
  it("is the task's own size, else the sum of its containers", function()
    assert.are.same({ cpu = 256, memory = 512, gpu = 0, ports = {} }, capacity.need {
      cpu = "256", memory = "512", containerDefinitions = { { cpu = 10, memory = 10 } },
    })
    assert.are.same({ cpu = 300, memory = 640, gpu = 2, ports = {} },
      capacity.need { containerDefinitions = {
      { cpu = 100, memory = 512, resourceRequirements = { { type = "GPU", value = "2" } } },
      { cpu = 200, memory = 512, memoryReservation = 128 },
    } })
  end)

  it("is the ports of the machine that it asks for", function()
    local mappings =
      { { containerPort = 8080, hostPort = 80 },
      { containerPort = 53, hostPort = 53, protocol = "udp" },
      { containerPort = 9000, hostPort = 0 } }
    local function ports(mode)
      return capacity.need { networkMode = mode,
        containerDefinitions = { { portMappings = mappings } } }.ports
    end
    assert.are.same({ ["80/tcp"] = true, ["53/udp"] = true }, ports "bridge")
    assert.are.same({ ["8080/tcp"] = true, ["53/udp"] = true, ["9000/tcp"] = true }, ports "host")
    assert.are.same({}, ports "awsvpc")
  end)
end)

describe("the room of a cluster", function()
  local need = { cpu = 256, memory = 512, gpu = 0, ports = {} }

  it("is what fits into each machine, and not into all of them together", function()
    local found = capacity.on_cluster(need, {
      instance(300, 4096), instance(300, 4096), instance(1024, 1100),
    })
    assert.are.same({ count = 4, instances = 3, unusable = 0, first = "cpu" }, found)
  end)

  it("leaves out machines that drain, and those whose agent is not there", function()
    local found = capacity.on_cluster(need,
      { instance(2048, 600), instance(2048, 4096, { status = "DRAINING" }),
      instance(2048, 4096, { lost = true }) })
    assert.are.same({ count = 1, instances = 1, unusable = 2, first = "memory" }, found)
  end)

  it("ends with the GPUs, and with ports that are taken or that one task takes", function()
    local gpu = { cpu = 1, memory = 1, gpu = 2, ports = {} }
    assert.are.same({ 2, "gpu" },
      { capacity.on_instance(gpu, instance(2048, 4096, { gpus = { "a", "b", "c", "d", "e" } })) })
    assert.are.same({ 0, "gpu" }, { capacity.on_instance(gpu, instance(2048, 4096)) })
    local port = { cpu = 1, memory = 1, gpu = 0, ports = { ["8080/tcp"] = true } }
    assert.are.same({ 1, "ports" }, { capacity.on_instance(port, instance(2048, 4096)) })
    port.ports["80/tcp"] = true
    assert.are.same({ 0, "ports" }, { capacity.on_instance(port, instance(2048, 4096)) })
  end)

  it("has no end for what takes nothing", function()
    local nothing = { cpu = 0, memory = 0, gpu = 0, ports = {} }
    assert.are.equal(math.huge, capacity.on_cluster(nothing, { instance(0, 0) }).count)
    assert.are.equal(0, capacity.on_cluster(nothing, {}).count)
  end)
end)
