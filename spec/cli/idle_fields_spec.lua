-- Fields without effect next to others, and the reason.
local idle_fields = require "watchbot.cli.idle_fields"
local watchbot = require "watchbot"

local SQS = "https://sqs.eu-west-1.amazonaws.com/1/q"
local TASK = { cluster = "c", definition = "d:1", container = "w" }

-- => names of idle fields, and all sentences
local function idle(fields)
  fields.queue = fields.queue or (not fields.queues and "sqlite:j.db") or nil
  local names, sentences = {}, idle_fields(watchbot.policy(fields))
  for index, sentence in ipairs(sentences) do
    names[index] = sentence:match "^field '([%w_]+)' has no effect: %S"
  end
  return table.concat(names, " "), table.concat(sentences, "\n")
end

describe("cli.idle_fields", function()
  -- `limits`, `envelope` and `volumes` were said to have no effect with a handler, and have one.
  it("are those about processes, with a handler", function()
    local names, sentences = idle {
      handler = print, cwd = "/", nice = 5, env = { A = "b" }, deliver = "stdin",
      limits = { { by = "group", concurrency = 1 } }, envelope = "s3", volumes = { "/tmp/x" },
    }
    assert.are.equal("cwd deliver env nice", names)
    assert.matches("'cwd' has no effect: a handler runs in the watcher", sentences, 1, true)
    assert.are.equal("", (idle { command = "x", cwd = "/", nice = 5, env = { A = "b" } }))
    assert.are.equal("window", (idle { handler = print, window = 5 }))
    assert.are.equal("umask", (idle { handler = print, batch = 5, umask = "027" }))
  end)

  it("are those about processes, with ECS tasks, and the other way round", function()
    assert.are.equal("kill_grace memory user", (idle {
      task = TASK, memory = "512M", user = "nobody", kill_grace = 9, env = { A = "b" },
    }))
    assert.are.equal("handover placements", (idle { command = "x", placements = 3, handover = 5 }))
    assert.are.equal("", (idle { task = TASK, placements = 3, handover = 5 }))
    assert.are.equal("drain handover", (idle { task = TASK, handover = 5, on_stop = "stop",
      drain = 3 }))
  end)

  it("are those about the program, where the watcher does not start it", function()
    assert.are.equal("cwd env", (idle { serve = { url = "http://127.0.0.1:1/" }, cwd = "/",
      env = { A = "b" } }))
    assert.are.equal("", (idle { cwd = "/", env = { A = "b" },
      serve = { url = "http://127.0.0.1:1/", command = "x" } }))
  end)

  it("are those that the queue decides", function()
    assert.are.equal("history max_receives retention", (idle {
      queue = SQS, command = "x", max_receives = 3, retention = 600, history = 600,
    }))
    assert.are.equal("", (idle { command = "x", max_receives = 3, retention = 600 }))
  end)

  it("are those of a part that is not on", function()
    local names, sentences = idle {
      command = "x", history_rows = 9, notify_limit = 3, notify_after = 2, protect = false,
      protect_for = 9, console_hosts = { "a" }, metrics_namespace = "N", metrics_service = "S",
      strict = true, jobs = 1, volumes = { "/tmp/x" },
    }
    assert.are.equal("console_hosts history_rows metrics_namespace metrics_service notify_after "
      .. "notify_limit protect_for strict volumes", names)
    assert.matches("'notify_limit' has no effect: no 'topic' is set", sentences, 1, true)
  end)

  it("are those that have none with any of several queues", function()
    assert.are.equal("", (idle { command = "x", max_receives = 3, queues = { "sqlite:a.db", SQS },
      strict = true }))
    assert.are.equal("max_receives", (idle { command = "x", max_receives = 3,
      queues = { SQS .. 1, SQS } }))
  end)
end)
