-- The app, its database and the watcher: an order that is rolled back leaves no message.
local shell = require "support.shell"
local workshop = require "support.workshop"

local HERE = "doc/examples/outbox/"

local function inside(folder, command)
  local out, status = shell.run(("cd %s && %s 2>&1"):format(shell.quote(folder.path), command))
  return status, out
end

describe("the example outbox", function()
  it("ships what the app has committed, and nothing else", workshop.task(function(folder)
    assert(os.execute(("cp %s* %s"):format(HERE, shell.quote(folder.path))))
    assert.are.equal(0, (inside(folder, "sqlite3 app.db 'PRAGMA journal_mode = WAL'")))
    local exit, log = workshop.run(folder, { "run", "--drain", "policy.lua" })
    assert.are.equal(0, exit.code, log)
    for _, case in ipairs { { "a 5", 0 }, { "b 0", 1 }, { "a 7", 1 }, { "c 2", 0 } } do
      local status, out = inside(folder, "./app.py " .. case[1])
      assert.are.equal(case[2], status, out)
    end
    exit, log = workshop.run(folder, { "run", "--drain", "policy.lua" })
    assert.are.equal(0, exit.code, log)
    assert.are.equal("a 5\nc 2\n", folder:read "shipped.txt")
  end))
end)
