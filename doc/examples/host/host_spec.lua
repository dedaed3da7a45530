-- Built as the README says, but against the library of this tree.
local shell = require "support.shell"

local HERE = "doc/examples/host/"

describe("the example host", function()
  it("runs its policy in its own loop, and keeps its child and its handler", function()
    local folder = shell.folder()
    local sanitize = shell.build == "build/sanitize" and "-fsanitize=address,undefined" or ""
    local libraries = "$(pkg-config --cflags --libs lua5.4 openssl sqlite3) -lm -ldl"
    local out, code = shell.run(("cc %s -Iinclude -o %s/host %shost.c %s/libwatchbot.a %s 2>&1")
      :format(sanitize, folder, HERE, shell.build, libraries))
    assert.are.equal(0, code, out)
    out, code = shell.run(([[QueueUrl=sqlite:%s/jobs.db; export QueueUrl
      printf 'hello\nstop\n' | %s/watchbot send && timeout 60 %s/host %spolicy.lua 2>&1]])
      :format(folder, shell.build, folder, HERE))
    assert.are.equal(0, code, out)
    assert.matches("the host got hello\n", out)
    assert.matches("own child: 42, SIGCHLD handler kept, lua stack: 0\n$", out)
    shell.remove(folder)
  end)
end)
