-- The field `queues`: what an entry may be, and what the policy of one queue is.
local policy = require "watchbot.policy"
local queues = require "watchbot.policy.queues"

local function problem(entries, more)
  local fields = { queues = entries, command = "true" }
  for name, value in pairs(more or {}) do fields[name] = value end
  local ok, made = pcall(policy, fields)
  if not ok then return tostring(made) end
  local _, err = made:complete()
  return err
end

describe("queues", function()
  it("is a list of URLs, or of tables with a weight and fields", function()
    assert.is_nil(problem { "sqlite:a.db", { "sqlite:b.db", weight = 3, timeout = 5 } })
    for text, entries in pairs {
      ["expected a list of queues"] = {},
      ["entry 2: expected a URL"] = { "sqlite:a.db", { weight = 3 } },
      ["entry 1: queue 'jobs.db': expected sqlite:FILE"] = { "jobs.db" },
      ["entry 1: 'weight': expected a number above 0, got 0"] = { { "sqlite:a.db", weight = 0 } },
      ["got nan"] = { { "sqlite:a.db", weight = 0 / 0 } },
      ["got inf"] = { { "sqlite:a.db", weight = math.huge } },
      ["unknown field 'wieght'; did you mean 'weight'%?"] = { { "sqlite:a.db", wieght = 3 } },
      ["unknown field 'timout'; did you mean 'timeout'%?"] = { { "sqlite:a.db", timout = 3 } },
      ["policy field 'timeout': expected seconds"] = { { "sqlite:a.db", timeout = "1" } },
      ["hook 'admit': expected a function, got a boolean"] = { { "sqlite:a.db", admit = true } },
      ["unknown field '2'"] = { { "sqlite:a.db", "sqlite:b.db" } },
    } do
      assert.matches(text, problem(entries):gsub("%-nan", "nan"))
    end
  end)

  -- Two leases of one message in one watcher: each would take the other's message for lost.
  it("has a queue once, however its URL is written", function()
    for _, pair in ipairs {
      { "sqlite:a.db", "sqlite:./a.db" }, { "sqlite:a.db", "sqlite:a.db\n" },
      { "https://sqs.eu-west-1.amazonaws.com/1/a", "https://sqs.eu-west-1.amazonaws.com/1/a/" },
      { "sqlite:a.db?prefix=x_", "sqlite:./a.db?prefix=x_" },
    } do
      assert.matches("is the same queue as entry 1", problem(pair))
    end
    assert.is_nil(problem { "sqlite:a.db?prefix=x_", "sqlite:a.db?prefix=y_" })
  end)

  it("refuses in an entry what is of the whole watcher", function()
    for _, name in ipairs { "workers", "drain", "log", "listen", "topic", "start", "jobs" } do
      assert.matches(("'%s' is for the whole watcher: set it in the policy"):format(name),
        problem { { "sqlite:a.db", [name] = 1 } })
    end
  end)

  it("cannot be combined with 'queue', nor weights with 'strict'", function()
    assert.matches("both 'queue' and 'queues' are set", problem({ "sqlite:a.db" },
      { queue = "sqlite:b.db" }))
    assert.matches("queue 'sqlite:b.db': 'weight' has no effect with 'strict'",
      problem({ "sqlite:a.db", { "sqlite:b.db", weight = 2 } }, { strict = true }))
    assert.is_nil(problem({ "sqlite:a.db", "sqlite:b.db" }, { strict = true }))
  end)

  it("names the queue whose fields do not fit", function()
    assert.matches("queue 'sqlite:b.db': 'batch' is for 'handler'",
      problem { "sqlite:a.db", { "sqlite:b.db", batch = 5 } })
  end)
end)

describe("the policy of one queue", function()
  it("has the fields of its entry in place of the policy's", function()
    local all = policy.of_queues(policy {
      queues = { "sqlite:a.db", { "sqlite:b.db", weight = 3, handler = print, timeout = 5,
        backoff = function() return 7 end } },
      command = "true", timeout = 9, workers = 4,
    })
    assert.are.same({ "sqlite:a.db", 1, "process", 9, 4 }, { all[1].policy.queue, all[1].weight,
      policy.kind(all[1].policy), all[1].policy.timeout, all[1].policy.workers })
    assert.are.same({ "sqlite:b.db", 3, "lua", 5, 4 }, { all[2].policy.queue, all[2].weight,
      policy.kind(all[2].policy), all[2].policy.timeout, all[2].policy.workers })
    assert.are.equal(7, all[2].policy:backoff {})
    assert.is_nil(all[2].policy.command)
    assert.is_nil(all[1].policy.queues)
  end)

  -- A hook writes `self.workers = 8`, or the policy's name for it: one policy, however many queues.
  it("shares what is set later, except for what is its own", function()
    local made = policy { queues = { "sqlite:a.db", { "sqlite:b.db", timeout = 5 } },
      command = "true" }
    local all = policy.of_queues(made)
    all[1].policy.timeout, made.workers = 3, 8
    assert.are.same({ 3, 3, 5 }, { made.timeout, all[1].policy.timeout, all[2].policy.timeout })
    assert.are.same({ 8, 8 }, { all[1].policy.workers, all[2].policy.workers })
    all[2].policy.timeout = 6
    assert.are.same({ 3, 6 }, { made.timeout, all[2].policy.timeout })
    assert.are.equal(all[1].policy:notifier(), all[2].policy:notifier())
  end)

  it("gives each task the URL of its message's queue", function()
    local all = policy.of_queues(policy {
      queues = { "https://sqs.eu-west-1.amazonaws.com/1/a", "sqlite:/tmp/b.db" }, command = "true",
    })
    local job = { variables = function() return {} end }
    assert.are.equal("https://sqs.eu-west-1.amazonaws.com/1/a",
      all[1].policy:environment(job).QueueUrl)
    assert.are.equal("sqlite:/tmp/b.db", all[2].policy:environment(job).QueueUrl)
  end)

  it("stays when the command line names its queue", function()
    local made = policy { queues = { { "sqlite:a.db", timeout = 5 }, "sqlite:b.db" },
      command = "true" }
    assert(made:watch { "sqlite:c.db", "sqlite:./a.db" })
    local all = policy.of_queues(made)
    assert.are.same({ "sqlite:c.db", 0, "sqlite:a.db", 5 }, { all[1].queue, all[1].policy.timeout,
      all[2].queue, all[2].policy.timeout })
    assert(made:watch { "sqlite:c.db" })
    assert.are.same({ "sqlite:c.db" }, { made.queue, made.queues })
    assert.is_true(made:complete())
  end)

  it("keeps its URL and its kind while the watcher runs", function()
    local function with(entries) return policy { queues = entries, command = "true" } end
    local old = with { "sqlite:a.db", "sqlite:b.db" }
    assert.is_true(policy.compatible(old, with { { "sqlite:b.db", weight = 2 }, "sqlite:a.db" }))
    assert.matches("the URLs in 'queues' cannot change",
      policy.compatible(old, with { "sqlite:a.db", "sqlite:c.db" }))
    assert.matches("queue 'sqlite:b.db': 'command', 'handler', .- cannot take",
      policy.compatible(old, with { "sqlite:a.db", { "sqlite:b.db", handler = print } }))
    assert.matches("cannot change in a watcher that runs",
      policy.compatible(policy { queue = "sqlite:a.db", command = "true" }, old))
  end)

  it("is listed for the documentation, by fields that exist", function()
    local fields = require "watchbot.policy.fields".by_name
    for _, name in ipairs(queues.PER_QUEUE) do assert.is_table(fields[name], name) end
  end)
end)
