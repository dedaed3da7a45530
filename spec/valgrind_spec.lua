-- A smoke set under valgrind, which sees uninitialised memory where the sanitizers do not. Debian's Lua needs no suppressions.
-- The Lua scripts that the specs start ($SPEC_LUA) run under it, too.

local shell = require "support.shell"

-- What stands between C and Lua and does not wait for seconds.
local SPECS = { "scheduler", "log", "process", "sqlite" }

local VALGRIND = "valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite "
  .. "--child-silent-after-fork=yes"

local function exists(path)
  local file = io.open(path)
  return file ~= nil and file:close()
end

describe("valgrind", function()
  if shell.build == "build/sanitize" then
    it("finds nothing", function() pending "valgrind cannot run what is built with the sanitizers" end)
    return
  end
  for _, name in ipairs(SPECS) do
    local path = ("spec/%s_spec.lua"):format(name)
    if exists(path) then
      it("finds nothing in " .. path, function()
        local out, code = shell.run(("SPEC_LUA='%s lua5.4' timeout 300 %s lua5.4 /usr/bin/busted %s 2>&1"):format(VALGRIND,
          VALGRIND, path))
        assert.are.equal(0, code, out)
        assert.matches("%d+ successes", out)
      end)
    end
  end

  it("finds nothing in watchbot-log", function()
    local input = ("seq 20000; head -c 3000000 /dev/zero; echo; echo '{\"a\":1}'")
    for _, environment in ipairs { "", "structuredLogging=true" } do
      local out, code = shell.run(("(%s) | %s MessageId=id-1 %s %s/watchbot-log 2>&1 >/dev/null"):format(input, environment,
        VALGRIND, shell.build))
      assert.are.equal(0, code, out)
    end
  end)
end)
