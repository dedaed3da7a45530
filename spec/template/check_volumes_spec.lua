-- A container that does not run as root could write neither to /tmp nor to its scratch space, and
-- its first job said so.

local check_volumes = require "watchbot.template.check_volumes"
local templates = require "support.templates"

local function found(mode, more)
  local findings = {}
  check_volumes(templates.make(mode, more), findings)
  return findings
end

describe("the check of volumes", function()
  it("names the folders that a user cannot write to, and what to do", function()
    local findings = found("process", { mounts = "/scratch,/h:/host", containerUser = "1000:1000" })
    assert.are.equal(1, #findings)
    assert.are.equal("Resources.WatchbotTask.Properties.ContainerDefinitions.0.User",
      findings[1].where)
    assert.matches("^/scratch, /tmp belong to root, .*VOLUME.*bind%-mounts", findings[1].message)
    assert.is_true(findings[1].note)
  end)

  it("says nothing where root runs it, or nothing is mounted empty", function()
    assert.are.same({}, found("process", { mounts = "/scratch" }))
    assert.are.same({}, found("process", { containerUser = "root" }))
    assert.are.same({}, found("process", { containerUser = "0:0" }))
    assert.are.same({}, found("task", { containerUser = "app", mounts = "/h:/host" }))
    assert.are.equal(1, #found("task", { containerUser = "app", mounts = "/scratch" }))
  end)
end)
