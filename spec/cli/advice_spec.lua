-- Valid policies that do something else than their authors thought.
local advice = require "watchbot.cli.advice"
local watchbot = require "watchbot"

local function policy(fields)
  if not fields.handler then fields.command = "x" end
  return watchbot.policy(fields)
end

local function said(loaded) return table.concat(advice.of(loaded), "\n") end

describe("cli.advice", function()
  it("has nothing to say of a policy as the manual has it", function()
    local loaded = policy { exits = { [75] = "release", [3] = "reject" }, workers = 4 }
    function loaded:backoff(job) return job.receives end -- luacheck: ignore 212
    function loaded:poll(state) return state.free end -- luacheck: ignore 212
    function loaded.start() end
    function loaded:admit(...) return ... end -- luacheck: ignore 212
    assert.are.equal("", said(loaded))
  end)

  -- With a dot the policy is taken for the job: each message failed with "attempt to index".
  it("finds hooks that were defined with a dot, and parameters that are always nil", function()
    local loaded = policy {}
    function loaded.backoff(job) return job.receives end
    assert.are.equal("hook 'backoff': its first parameter is 'job', but it gets the policy there; "
      .. "write function policy:backoff(job)", said(loaded))
    loaded = policy {}
    function loaded:admit(job, exit) return exit and job end -- luacheck: ignore 212
    assert.are.equal("hook 'admit': it has 2 parameters besides the policy and gets 1; write "
      .. "function policy:admit(job)", said(loaded))
  end)

  -- Only the policy's own functions were looked at, not those of an entry of `queues`.
  it("finds them in the entries of queues, too", function()
    local loaded = watchbot.policy { queues = {
      { "sqlite:one.db", handler = function(job) return job end },
      { "sqlite:two.db", handler = function(self, job) return self, job end,
        backoff = function(job) return job.receives end },
      { "sqlite:three.db", command = function(job, more) return { job, more } end },
    } }
    assert.are.equal("queues[2]: hook 'backoff': its first parameter is 'job', but it gets the "
      .. "policy there; write function policy:backoff(job)\n"
      .. "queues[2]: 'handler': it is called with one parameter and has 2, the first of them "
      .. "'self'; write function policy.handler(job)\n"
      .. "queues[3]: 'command': it is called with one parameter and has 2, the first of them "
      .. "'job'; write function policy.command(job)", said(loaded))
  end)

  -- A task that the kernel killed has no exit code: the entry of 137 was never used.
  it("finds the code of a shell in place of a signal", function()
    local words = "'exits': code 137 is KILL in a shell; a command that is ended by it without a "
      .. "shell has no code: write KILL, which is for both"
    assert.are.equal(words, said(policy { exits = { [137] = "reject" } }))
    assert.are.equal("", said(policy { exits = { [137] = "reject", KILL = "reject" } }))
    assert.are.equal("", said(policy { exits = { [255] = "reject", KILL = "reject" } }))
  end)

  it("finds fields that nothing reads", function()
    local handler = policy { handler = function() end, cwd = "/", nice = 5 }
    assert.matches("field 'cwd' has no effect: a handler runs in the watcher", said(handler), 1,
      true)
    assert.matches("field 'nice' has no effect", said(handler), 1, true)
    assert.are.equal("", said(policy { cwd = "/", nice = 5 }))
  end)

  it("finds exit codes with another meaning, and an 'exits' that a verdict hides", function()
    local loaded = policy { exits = { [4] = "reject", [0] = "retry" } }
    assert.are.equal("'exits': code 0 is 'retry' here, and 'complete' in every other policy\n"
      .. "'exits': code 4 is 'reject' here, and 'release' in every other policy", said(loaded))
    loaded = policy { exits = { [75] = "release" } }
    function loaded:verdict() return "retry" end -- luacheck: ignore 212
    assert.matches("'exits' has no effect unless the hook 'verdict' returns", said(loaded), 1, true)
    function loaded:verdict(job, exit) return watchbot.policy.verdict(self, job, exit) end
    assert.are.equal("", said(loaded))
  end)

  -- `watchbot check` of the README's policy, which does return the default's outcome, advised to
  -- return it.
  it("does not find an 'exits' that a verdict reads", function()
    local verdict = require("watchbot.policy").verdict
    for _, hook in ipairs {
      function(self, job, exit) return verdict(self, job, exit) end,
      function(self, _, exit) return self.exits[exit.code] or "retry" end,
      function(self, job, exit)
        local ok, outcome = pcall(function() return verdict(self, job, exit) end)
        return ok and outcome or "retry"
      end,
      verdict, math.max,
    } do
      local loaded = policy { exits = { [75] = "release" } }
      loaded.verdict = hook
      assert.are.equal("", said(loaded))
    end
  end)

  -- A method gets itself in place of the job: each message failed with "attempt to index".
  it("finds handlers that were defined as methods, or with more parameters", function()
    local loaded = policy { handler = print }
    function loaded:handler(job) return self, job end
    assert.are.equal("'handler': it is called with one parameter and has 2, the first of them "
      .. "'self'; write function policy.handler(job)", said(loaded))
    assert.are.equal("", said(policy { handler = function(job) return job end }))
    assert.are.equal("", said(policy { handler = function(...) return ... end }))
    loaded = watchbot.policy { command = function(job, more) return job, more end }
    assert.matches("'command': it is called with one parameter and has 2", said(loaded), 1, true)
  end)

  it("finds the code of a signal that comes before its name", function()
    assert.are.equal("'exits': code 137 is KILL in a shell and in ECS: there 'retry' comes before "
      .. "'reject'", said(policy { exits = { [137] = "retry", KILL = "reject" } }))
    assert.are.equal("", said(policy {
      exits = { [137] = "retry", KILL = "retry", TERM = "bury" },
    }))
  end)

  it("finds types of errors where tasks have codes, and codes where they have types", function()
    assert.are.equal("'exits': 'HTTP503' has no effect: it is the type of an error of 'lambda' or "
      .. "'serve'", said(policy { exits = { HTTP503 = "release" } }))
    local serve = { url = "http://127.0.0.1:1/" }
    assert.are.equal("'exits': 75 has no effect: a message of 'serve' ends with the type of an "
      .. "error, not with an exit code", said(watchbot.policy { queue = "sqlite:j.db",
        serve = serve, exits = { [75] = "release", HTTP503 = "release" } }))
  end)

  -- An extension that SQS did not answer was given up when the message was visible already.
  it("finds a visibility timeout that heartbeats cannot keep", function()
    local url = "https://sqs.eu-west-1.amazonaws.com/1/q"
    assert.are.equal("'visibility' of 5 s is shorter than heartbeats can keep: one that gets no "
      .. "answer is given up after 2 s, too late for a second one; set at least 8",
      said(policy { queue = url, visibility = 5 }))
    assert.are.equal("", said(policy { queue = url, visibility = 8 }))
    assert.are.equal("", said(policy { queue = "sqlite:j.db", visibility = 1 }))
    assert.matches("'visibility' of 2 s", said(watchbot.policy { command = "x",
      queues = { "sqlite:a.db", { url, visibility = 2 } } }), 1, true)
  end)

  it("names secrets that are written in the policy, and prints no value", function()
    local loaded = policy { env = { DB_PASSWORD = "hunter2x", MODE = "fast" } }
    local printed = table.concat(advice.of(loaded, { hunter2x = true, fast = true }), "\n")
    assert.are.equal("'env': the secret 'DB_PASSWORD' is written in the policy: read it with "
      .. "os.getenv \"DB_PASSWORD\", and let the machine or the template's `secrets` set it",
      printed)
    assert.are.same({}, advice.of(loaded, { fast = true }))
  end)
end)
