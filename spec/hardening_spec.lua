-- The build uses the flags of Debian's dpkg-buildflags with hardening=+all: a memory error in a
-- program that reads messages from anywhere must not become control over it. Without these flags
-- watchbot was less protected than Debian's programs.

local shell = require "support.shell"

local built = {
  program = shell.build .. "/watchbot", log = shell.build .. "/watchbot-log",
  module = shell.build .. "/lib/watchbot/core.so",
}

local function readelf(flags, file)
  local text, code = shell.run(("LC_ALL=C readelf -W %s %s"):format(flags, shell.quote(file)))
  assert.are.equal(0, code, text)
  return text
end

describe("a hardened build", function()
  if shell.build:find "sanitize" then return pending "sanitizers are built without these flags" end

  for name, file in pairs(built) do
    it("places the code of " .. name .. " at random", function()
      assert.matches("Type:%s+DYN", readelf("-h", file))
      if name ~= "module" then assert.matches("FLAGS_1%)%s+Flags:.-PIE", readelf("-d", file)) end
    end)

    it("resolves the symbols of " .. name .. " at the start and makes their table read-only",
      function()
      assert.matches("GNU_RELRO", readelf("-l", file))
      assert.matches("BIND_NOW", readelf("-d", file))
    end)

    it("has no executable stack and no text relocation in " .. name, function()
      assert.matches("GNU_STACK[^\n]*RW ", readelf("-l", file))
      assert.is_nil(readelf("-d", file):find "TEXTREL")
    end)
  end

  it("checks sizes of buffers and the stack's canary", function()
    local symbols = readelf("-s", built.module)
    assert.matches("__stack_chk_fail", symbols)
    assert.matches("__%w+_chk@", symbols)
  end)

  -- The compiler's own record of its flags; they leave no other trace in headers.
  it("was compiled against stack clashes and, where the machine knows it, wild jumps", function()
    local producer = "LC_ALL=C readelf --debug-dump=info %s | grep -m 1 DW_AT_producer"
    local text = shell.run(producer:format(built.module))
    if not text:find "GNU C" then
      return pending "the compiler keeps no record of its flags, or the module is stripped"
    end
    assert.matches("-fstack-protector-strong", text, 1, true)
    assert.matches("-fstack-clash-protection", text, 1, true)
    if (shell.run "uname -m"):find "x86_64" then
      assert.matches("-fcf-protection", text, 1, true)
    end
  end)
end)
