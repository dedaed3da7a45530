-- The first thing that a newcomer runs.
local shell = require "support.shell"
local testing = require "watchbot.testing"

local HERE = "doc/examples/thumbnails/"

describe("the example thumbnails", function()
  it("shows an outcome of each kind, and cleans up", function()
    local folder = shell.folder()
    local out, code = shell.run(("TMPDIR=%s %sdemo %s 2>&1"):format(folder, HERE, shell.build))
    assert.are.equal(0, code, out)
    for _, outcome in ipairs { "complete", "reject", "release", "retry" } do
      assert.is_truthy(out:find(('"outcome":"%s"'):format(outcome), 1, true), out)
    end
    assert.matches("dead%-letter list.*resize: broken.gif\n.*watchbot console.*"
      .. "http://127.0.0.1:%d+/%S+\n.*make demo CONSOLE=1 keeps it running.\n$", out)
    assert.are.equal("", (shell.run("ls " .. folder)))
    shell.remove(folder)
  end)

  it("keeps a message whose task ran out of memory", function()
    local w <close> = testing.watch(HERE .. "policy.lua")
    w:message { "photo-1.jpg", subject = "resize" }
    assert.are.equal("bury", w:exits { signal = "KILL", oom = true, reason = "out of memory" })
  end)
end)
