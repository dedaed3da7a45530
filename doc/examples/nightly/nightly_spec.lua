-- The schedule and the script with a real queue; the night does not have to come.
local shell = require "support.shell"
local workshop = require "support.workshop"

local HERE = "doc/examples/nightly/"

describe("the example nightly", function()
  local environment = { QueueUrl = false }

  it("is due at three o'clock in Berlin, in summer and in winter", workshop.task(function(folder)
    assert(os.execute(("cp %s* %s"):format(HERE, shell.quote(folder.path))))
    local exit, out = workshop.run(folder, { "schedule", "next", "report", "policy.lua" },
      environment)
    assert.are.equal(0, exit.code, out)
    local count = select(2, out:gsub(" 03:00", ""))
    assert.are.equal(5, count, out)
  end))

  it("runs the script with the time that it was due", workshop.task(function(folder)
    assert(os.execute(("cp %s* %s"):format(HERE, shell.quote(folder.path))))
    local exit, out = workshop.run(folder, { "schedule", "run", "report", "policy.lua" },
      environment)
    assert.are.equal(0, exit.code, out)
    exit, out = workshop.run(folder, { "run", "--drain", "policy.lua" }, environment)
    assert.are.equal(0, exit.code, out)
    assert.matches('"complete":1', out, 1, true)
    assert.matches("^the report of %d%d%d%d%-%d%d%-%d%dT[%d:]+Z\n$", folder:read "report.txt")
  end))
end)
