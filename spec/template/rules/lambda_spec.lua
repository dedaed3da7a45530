-- What does not go with a Lambda function's image, while the stack is made.

local options = require "watchbot.template.options"
local templates = require "support.templates"

local function on_fargate(more)
  more.capacity, more.fargateSubnets = "FARGATE", { "subnet-0123456789abcdef0" }
  more.lambda = more.lambda or { handler = "app.handler" }
  if more.command == nil then more.command = false end
  return more
end

describe("a Lambda function's image:", function()
  for _, case in ipairs {
    { { command = "./tile" }, "'command' and 'lambda' exclude each other", "command" },
    { { image = "a:1", lambda = { image = "b:1" } }, "'image' and 'lambda.image'", "image" },
    { { writableFilesystem = true }, "'writableFilesystem' and 'lambda'", "writableFilesystem" },
    { { workers = 2 }, "'workers' must be 1 with 'lambda'.*maxScalingCapacity", "workers" },
    { { policy = "p.lua", watchbotImage = "w:1", lambda = { batch = 2 } },
      "'batch' is set in the policy", "batch" },
    { { policy = "p.lua" }, "'policy' needs 'watchbotImage'", "policy" },
    { { env = { AWS_LAMBDA_RUNTIME_API = "x" } }, "'AWS_LAMBDA_RUNTIME_API' is set by 'lambda'",
      "AWS_LAMBDA_RUNTIME_API" },
    { { secrets = { _HANDLER = { parameter = "/a" } } }, "'secrets': '_HANDLER' is set",
      "_HANDLER" },
    { { lambda = { batch = 11 } }, "'batch': expected a whole number from 1 to 10, got 11",
      "batch" },
    { { lambda = { handle = "a" } }, "unknown member 'handle'; did you mean 'handler'%?",
      "handle" },
    { { lambda = { handler = "" } }, "'handler': expected text like 'app.handler'", "handler" },
    { { lambda = { image = "an image" } }, "'image': expected an image", "image" },
    { { lambda = "app.handler" }, "expected a table like { image = ", "lambda" },
  } do
    it(case[2], function()
      local err, name = templates.refused("process", on_fargate(case[1]))
      assert.matches(case[2], err)
      assert.equal(case[3], name)
    end)
  end

  it("is for mode process", function()
    local err, name = templates.refused("task", { lambda = { handler = "a" } })
    assert.matches("option 'lambda' is for mode 'process', and this is mode 'task'", err)
    assert.equal("lambda", name)
  end)

  it("needs a network of the task's own", function()
    for _, mode in ipairs { false, "bridge", "host" } do
      assert.matches("'lambda' needs capacity 'FARGATE' or networkMode 'awsvpc'",
        templates.refused("process", {
          command = false, lambda = { handler = "a" }, networkMode = mode or nil,
        }))
    end
    assert(options.complete(templates.given("process", {
      command = false, lambda = { handler = "a" }, networkMode = "awsvpc",
      fargateSubnets = { "subnet-0123456789abcdef0" },
    })))
  end)

  it("is an image: 'serviceVersion' may be missing", function()
    assert(options.complete(templates.given("process", on_fargate {
      serviceVersion = false, lambda = { image = "a:1", handler = "a" },
    })))
    assert.matches("missing option 'serviceVersion'", templates.refused("process", on_fargate {
      serviceVersion = false,
    }))
  end)

  it("has watchbot's image beside it, whose options are of mode task else", function()
    assert(options.complete(templates.given("process", on_fargate {
      watchbotImage = "mine:1", watcherReservation = { softMemory = 512 },
    })))
    assert.matches("option 'watchbotImage' is for mode 'task'",
      templates.refused("process", { watchbotImage = "mine:1" }))
  end)
end)
