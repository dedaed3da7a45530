local opened = require "watchbot.lib.opened"
local shell = require "support.shell"

describe("opened", function()
  local folder

  setup(function() folder = shell.folder() end)
  teardown(function() shell.remove(folder) end)

  it("opens a file to read, or as it is asked to", function()
    local path = folder .. "/a"
    local file = assert(opened(path, "wb"))
    file:write "text"
    file:close()
    file = assert(opened(path))
    assert.are.equal("text", file:read "a")
    file:close()
  end)

  -- `send --from missing` had said "missing: No such file or directory", and an embedded queue
  -- "'missing': no such file or directory".
  it("words the system's errors as the rest of the program does", function()
    local _, err = opened "/nowhere/a: b"
    assert.are.equal("'/nowhere/a: b': no such file or directory", err)
    _, err = opened(folder, "wb")
    assert.are.equal(("'%s': is a directory"):format(folder), err)
    _, err = opened "/nowhere/\27[31m\n"
    assert.is_nil(err:find "[%c]")
  end)
end)
