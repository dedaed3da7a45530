local lint = require "watchbot.template.lint"
local shell = require "support.shell"
local workshop = require "support.workshop"

local FAULTY =
  [[{"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueNam": "a"}}}}]]

describe("lint", function()
  it("hands on what cfn-lint finds, and where", workshop.task(function()
    if not os.execute "command -v cfn-lint >/dev/null" then
      return pending "cfn-lint is not on PATH"
    end
    local findings = assert(lint.run(FAULTY))
    assert.are.equal(1, #findings)
    assert.are.equal("Resources.Queue.Properties.QueueNam", findings[1].where)
    assert.matches("QueueNam.*%(E3002%)", findings[1].message)
    assert.are.same({}, assert(lint.run [[{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}]]))
  end))

  -- In a separate program with another PATH; its cfn-lint is a script that prints given findings.
  it("says when it is not there, and when it ends with something else",
    workshop.task(function(folder)
    local script = folder:write("try.lua", [[
      local scheduler = require "watchbot.scheduler"
      print(scheduler.run(function() return require "watchbot.template.lint".run "{}" end))]])
    local function run(path)
      return (shell.run(("/usr/bin/env PATH=%s %s"):format(shell.quote(path),
        shell.lua(script):gsub("^env ", ""))))
    end
    assert.matches("^nil\t.*ENOENT", run(folder.path))
    folder:write("cfn-lint", "#!/bin/sh\necho no such rule >&2\nexit 1\n")
    assert.matches("^nil\tcfn%-lint ended with 1: no such rule", run(folder.path))
  end))
end)
