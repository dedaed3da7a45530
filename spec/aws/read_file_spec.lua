local read_file = require "watchbot.aws.read_file"

describe("read_file", function()
  it("reads every byte", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write "a\0b\r\n"
    file:close()
    assert.are.equal("a\0b\r\n", read_file(path))
    os.remove(path)
  end)

  it("says why not", function()
    assert.are.same({ nil, "no such file or directory" }, { read_file "/nowhere: at/all" })
    assert.are.same({ nil, "is a directory" }, { read_file "/" })
  end)
end)
