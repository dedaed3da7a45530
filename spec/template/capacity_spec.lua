local capacity = require "watchbot.template.capacity"

describe("a size on Fargate", function()
  -- given, cpu, memory
  for _, case in ipairs {
    { {}, 256, 512 }, { { memory = 512 }, 256, 512 }, { { memory = 4096 }, 512, 4096 },
    { { cpu = 2048 }, 2048, 4096 },
    { { cpu = 256, memory = 1024 }, 256, 1024 }, { { cpu = 4096, memory = 30720 }, 4096, 30720 },
    { { cpu = 16384, memory = 122880 }, 16384, 122880 }, { { softMemory = 1024 }, 256, 1024 },
  } do
    local given, cpu, memory = table.unpack(case)
    it(("is %d units and %d MiB, the smallest that goes with what is given"):format(cpu, memory),
      function()
      assert.are.same({ cpu = cpu, memory = memory }, capacity.size(given))
    end)
  end

  it("is not checked where an intrinsic says a part of it", function()
    assert.are.same({ cpu = { Ref = "Cpu" }, memory = 123 },
      capacity.size { cpu = { Ref = "Cpu" }, memory = 123 })
  end)

  -- given, why not
  for _, case in ipairs {
    {
      { cpu = 256, memory = 768 },
      "256 CPU units with 768 MiB.*memory can be 512, or 1024 to 2048 in steps of 1024",
    },
    { { cpu = 8192, memory = 17408 }, "8192 units, memory can be 16384 to 61440 in steps of 4096" },
    { { cpu = 300 }, "Fargate does not support 300 CPU units; choose 256, 512" },
    { { memory = 700 }, "Fargate does not support 700 MiB" },
  } do
    it("does not exist: " .. case[2],
      function() assert.matches(case[2], select(2, capacity.size(case[1]))) end)
  end
end)

describe("the capacity", function()
  it("is a launch type, or providers with weights", function()
    assert.is_nil(capacity.strategy "EC2")
    assert.is_nil(capacity.strategy "FARGATE")
    assert.are.same({ { CapacityProvider = "FARGATE_SPOT", Weight = 1 } },
      capacity.strategy "FARGATE_SPOT")
    assert.are.same({
      { CapacityProvider = "FARGATE", Weight = 1, Base = 2 },
      { CapacityProvider = "FARGATE_SPOT", Weight = 3 },
    }, capacity.strategy { FARGATE_SPOT = 3, FARGATE = { weight = 1, base = 2 } })
  end)

  it("is Fargate, or is not", function()
    assert.is_true(capacity.fargate "FARGATE_SPOT")
    assert.is_true(capacity.fargate { FARGATE = 1 })
    assert.is_false(capacity.fargate "EC2")
    assert.is_false(capacity.fargate { mine = 1 })
  end)

  it("is refused where ECS would refuse it", function()
    assert.is_nil(capacity.problem "EC2")
    assert.is_nil(capacity.problem { a = 1, b = { weight = 1, base = 1 } })
    assert.matches("at least one capacity provider", capacity.problem {})
    assert.matches("does not mix", capacity.problem { FARGATE = 1, a = 1 })
    assert.matches("a weight above 0", capacity.problem { FARGATE = { base = 1 } })
    assert.matches("only one capacity provider", capacity.problem {
      a = { base = 1 }, b = { base = 1 },
    })
  end)
end)
