local json = require "watchbot.lib.json"
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

  -- One wrong reference was two findings, one of them with 3 KB of names.
  it("leaves out what is known already", function()
    local known = {
      { where = "Resources.A.Value", message = "no resource of the template is called 'Foo'" },
      { where = "Resources.B", message = "'Bar' is odd", note = true },
    }
    local function left(where, message)
      return #lint.without({ { where = where, message = message } }, known)
    end
    assert.are.equal(0, left("Resources.A.Value.Ref", "'Foo' is not one of ['Bar'] (E1020)"))
    assert.are.equal(0, left("Resources.A.Value", "'Foo' is not one of ['Bar'] (E1020)"))
    assert.are.equal(1, left("Resources.A.Value.Ref", "'Nope' is not one of ['Bar'] (E1020)"))
    assert.are.equal(1, left("Resources.A.Values", "'Foo' is not one of ['Bar'] (E1020)"))
    assert.are.equal(1, left("Resources.B", "'Bar' is odd (E1)"))
  end)

  it("names the nearest of many values", workshop.task(function(folder)
    local names = {}
    for index = 1, 40 do names[index] = "'Resource" .. index .. "'" end
    local message = ("'Resorce7' is not one of [%s] in ['us-east-1']"):format(
      table.concat(names, ", "))
    folder:write("found.json", json.encode {
      { Level = "Error", Message = message, Rule = { Id = "E1020" },
        Location = { Path = { "Resources", "A", 0 } } },
      { Level = "Error", Message = "'a' is not one of ['b', 'c']", Rule = { Id = "E1" },
        Location = { Path = { "Resources" } } },
    })
    folder:write("cfn-lint", "#!/bin/sh\ncat " .. shell.quote(folder.path) .. "/found.json\n")
    local script = folder:write("try.lua", [[
      local scheduler = require "watchbot.scheduler"
      scheduler.run(function()
        for _, one in ipairs(require "watchbot.template.lint".run "{}") do
          print(one.where, one.message) end
      end)]])
    local out = shell.run(("/usr/bin/env PATH=%s:$PATH %s"):format(shell.quote(folder.path),
      shell.lua(script):gsub("^env ", "")))
    assert.are.equal("Resources.A.0\t'Resorce7' is not one of 40 names in ['us-east-1']; did you "
      .. "mean 'Resource7'? (E1020)\nResources\t'a' is not one of ['b', 'c'] (E1)\n", out)
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
