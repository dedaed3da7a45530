-- Both halves with real queues and programs.
local shell = require "support.shell"
local testing = require "watchbot.testing"
local workshop = require "support.workshop"

local HERE = "doc/examples/shadow/"

local ENVIRONMENT = { QueueUrl = false, SHADOW_QUEUE = false, NotificationTopic = false }

local function run(folder, ...)
  local exit, log = workshop.run(folder, { ... }, ENVIRONMENT)
  assert.are.equal(0, exit.code, log)
  return log
end

describe("the example shadow", function()
  it("runs the new version on copies, and logs which messages differ", workshop.task(
    function(folder)
      assert(os.execute(("cp %s* %s"):format(HERE, shell.quote(folder.path))))
      folder:write("worker", '#!/bin/sh\n[ "$Message" != bad ] || exit 3\n')
      folder:write("worker-new", '#!/bin/sh\n[ "$SHADOW" = 1 ] || exit 9\n'
        .. 'case $Message in bad|odd) exit 3 ;; esac\n')
      assert(os.execute(("chmod +x %s/worker*"):format(shell.quote(folder.path))))
      for _, message in ipairs { "good", "bad", "odd" } do
        run(folder, "send", "--queue", "sqlite:jobs.db", message)
      end
      local log = run(folder, "run", "--drain", "policy.lua")
      assert.matches('"complete":2', log, 1, true)
      assert.matches('"reject":1', log, 1, true)
      log = run(folder, "run", "--drain", "shadow.lua")
      assert.matches('"complete":3', log, 1, true)
      assert.matches("differs: the worker exits with 0, the new version with 3: odd", log, 1, true)
      assert.are.equal(1, select(2, log:gsub("differs: ", "")), log)
    end))

  it("does not let the shadow decide about a message", function()
    local w <close> = testing.watch(HERE .. "policy.lua")
    w:answer("queue:send", function() error "the disk is full" end)
    w:message "tile"
    assert.are.equal("complete", w:exits(0))
    assert.are.same({}, w:errors())
    w:message "tile 2"
    assert.are.equal("retry", w:exits { signal = "KILL" })
  end)
end)
