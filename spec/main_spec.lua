-- What the program watchbot inherits from the process that starts it.

local shell = require "support.shell"

local folder

describe("watchbot", function()
  before_each(function() folder = shell.folder() end)
  after_each(function() shell.remove(folder) end)

  -- A supervisor that ignores SIGCHLD passes that on, and the kernel then discards exit codes:
  -- each task was run again and again, since its success was unknown.
  it("learns the exit codes of its tasks where its parent ignores SIGCHLD", function()
    local policy = folder .. "/policy.lua"
    shell.write(policy, ([[
      return require "watchbot".policy { queue = "sqlite:%s/jobs.db", command = "exit 0" }
    ]]):format(folder))
    local _, sent = shell.run(("%s/watchbot send --queue sqlite:%s/jobs.db hello"):format(
      shell.build, folder))
    assert.are.equal(0, sent)
    local out, code =
      shell.run(("timeout 60 env --ignore-signal=CHLD %s/watchbot run --drain %s 2>&1"):format(
        shell.build,
      policy))
    assert.are.equal(0, code, out)
    assert.matches('"event":"stopped","complete":1,"reject":0,"release":0,"retry":0', out, 1, true)
  end)

  it("names the lines of its own modules, which it carries compiled, in a traceback", function()
    local policy = folder .. "/policy.lua"
    shell.write(policy, ([[
      local policy = require "watchbot".policy { queue = "sqlite:%s/jobs.db", command = "exit 0" }
      function policy:poll() error "no poll today" end
      return policy
    ]]):format(folder))
    local _, sent = shell.run(("%s/watchbot send --queue sqlite:%s/jobs.db hello"):format(
      shell.build, folder))
    assert.are.equal(0, sent)
    local out, code =
      shell.run(("timeout 60 %s/watchbot run --drain %s 2>&1"):format(shell.build, policy))
    assert.are.equal(0, code, out)
    assert.matches("no poll today.*watchbot/watcher/hooks%.lua:%d+: in ", out)
  end)
end)
