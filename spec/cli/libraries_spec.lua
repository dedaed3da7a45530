-- A report of a fault, or a security update, is about libraries: the program says which it uses.

local shell = require "support.shell"

describe("watchbot --version --verbose", function()
  it("names each library with its release", function()
    local out, code = shell.run(shell.build .. "/watchbot --version --verbose 2>&1")
    assert.are.equal(0, code, out)
    for _, pattern in ipairs {
      "^watchbot %d+%.%d+%.%d+\n", "\nLua 5%.4%.%d+\n", "\nOpenSSL %d+%.%d",
      "\nSQLite 3%.%d+%.%d+\n", "\nlibcurl/%d+%.%d+", "\nExpat 2%.%d+%.%d+\n",
      "\nLuaExpat 1%.%d", "\nlua%-cjson 2%.%d",
    } do
      assert.matches(pattern, out)
    end
  end)

  it("says of libcurl what runs, not what was compiled against", function()
    local out = shell.run(shell.build .. "/watchbot --version --verbose 2>&1")
    local installed = shell.run "curl --version":match "libcurl/[%d.]+"
    if installed then assert.matches(installed, out, 1, true) end
  end)
end)
