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
end)
