local policy = require "watchbot.policy"
local resident = require "watchbot.policy.resident"

local function problem(kind, value) return resident.problem(kind, value) end

describe("a program that stays", function()
  it("is described by a table, whose mistakes are named", function()
    assert.is_nil(problem("lambda", { command = { "python3", "-m", "awslambdaric" },
      handler = "app.handler", batch = 10, recycle = { jobs = 5, memory = 64, age = 3600.5 } }))
    assert.is_nil(problem("serve", { url = "http://127.0.0.1:8080/" }))
    assert.is_nil(problem("resident", { command = "./worker", batch = 500, window = 0.5 }))
    for _, case in ipairs {
      { "lambda", "python3", "expected a table, got a string" },
      { "lambda", {}, "'command' is missing" },
      { "serve", { command = "./server" }, "'url' is missing" },
      { "lambda", { command = "x", handeler = "a.b" },
        "unknown name 'handeler'; did you mean 'handler'?" },
      { "resident", { command = "x", handler = "a.b" }, "unknown name 'handler'" },
      { "lambda", { command = {} }, "'command' must be text for sh, or a list of words" },
      { "lambda", { command = { "a\0b" } }, "'command' must be text for sh, or a list of words" },
      { "lambda", { command = " " }, "'command' must be text for sh, or a list of words" },
      { "lambda", { command = "x", batch = 0 }, "'batch' must be a whole number from 1 to 10000" },
      { "lambda", { command = "x", batch = 1.5 },
        "'batch' must be a whole number from 1 to 10000" },
      { "lambda", { command = "x", batch = 10001, window = 1 },
        "'batch' must be a whole number from 1 to 10000" },
      { "lambda", { command = "x", batch = 11 },
        "a 'batch' of more than 10 messages needs a 'window', the seconds in which it is "
          .. "gathered" },
      { "lambda", { command = "x", window = 301 }, "'window' must be seconds, at most 300" },
      { "lambda", { command = "x", window = 0 / 0 }, "'window' must be seconds, at most 300" },
      { "lambda", { command = "x", event = "kinesis" },
        "'event' must be 'sqs', 'sns', 'body', or a function of the jobs" },
      { "lambda", { command = "x", recycle = { jobs = 0 } },
        "'recycle' must be a table like { jobs = 10000, memory = 1024, age = 86400 }" },
      { "lambda", { command = "x", recycle = { days = 1 } },
        "'recycle' must be a table like { jobs = 10000, memory = 1024, age = 86400 }" },
      { "serve", { url = "ftp://a" }, "'url' must be a URL like 'http://127.0.0.1:8080/'" },
      { "serve", { url = "http://a\r\nX: b" },
        "'url' must be a URL like 'http://127.0.0.1:8080/'" },
    } do
      assert.equal(case[3], problem(case[1], case[2]))
    end
  end)

  it("takes error types in 'exits', and still names a misspelt signal", function()
    local function exits(name)
      return policy.try { queue = "sqlite:a", command = "x", exits = { [name] = "reject" } }
    end
    assert.is_truthy(exits "ValidationError")
    assert.is_truthy(exits "Runtime.NoAnswer")
    assert.is_truthy(exits "KILL")
    assert.is_truthy(exits "HTTP503")
    for _, name in ipairs { "KIL", "SIGKILL", "kill", "Kill", "no such" } do
      local made, err = exits(name)
      assert.is_nil(made, name)
      assert.matches(name, err)
    end
  end)

  it("does not go with what has no effect, and says so", function()
    local function incomplete(fields)
      fields.queue = fields.queue or "sqlite:a"
      local ok, err = policy(fields):complete()
      return not ok and err or nil
    end
    local lambda = { command = "x" }
    assert.is_nil(incomplete { lambda = lambda })
    assert.matches("both 'command' and 'lambda' are set", incomplete { lambda = lambda,
      command = "x" })
    assert.matches("both 'lambda' and 'serve'", incomplete {
      lambda = lambda, serve = { url = "http://a" } })
    assert.matches("the hook 'environment' is without effect with 'lambda'", incomplete {
      lambda = lambda, environment = function() return {} end })
    assert.matches("'deliver' is without effect with 'lambda'", incomplete {
      lambda = lambda, deliver = "stdin" })
    local fifo = "https://sqs.eu-west-1.amazonaws.com/1/a.fifo"
    assert.is_nil(incomplete { queue = fifo, lambda = { command = "x", batch = 10 } })
    for _, batch in ipairs { { batch = 11, window = 1 }, { batch = 2, window = 1 } } do
      batch.command = "x"
      assert.matches("a FIFO queue has a 'batch' of at most 10 messages, and no 'window'",
        incomplete { queue = fifo, lambda = batch })
    end
    assert.matches("the event 'body' holds one message", incomplete {
      lambda = { command = "x", batch = 2, event = "body" } })
  end)

  it("has defaults", function()
    local options, kind = resident.of { lambda = { command = "x", batch = 3 } }
    assert.equal("lambda", kind)
    assert.same({ 3, 0, 60, "sqs", 128 }, { options.batch, options.window,
      options.init_timeout, options.event, options.memory })
  end)
end)
