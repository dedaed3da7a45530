-- A smoke set under valgrind, which sees uninitialised memory where the sanitizers do not. Debian's
-- Lua needs no suppressions.
-- The Lua scripts that the specs start ($SPEC_LUA) run under it, too.

local shell = require "support.shell"

-- What stands between C and Lua, and of the log what it does with its readers: each of its scripts
-- takes seconds to start. Nothing that starts processes: Debian's valgrind (3.19) does not know
-- pidfd_open.
local SPECS = {
  scheduler = "", sqlite = "",
  log = "--filter='a line of' --filter='a log whose reader'",
}

local VALGRIND = "valgrind --quiet --error-exitcode=99 --leak-check=full "
  .. "--errors-for-leak-kinds=definite "
  .. "--child-silent-after-fork=yes"

local LIMIT = 300 -- seconds: something hangs

local function exists(path)
  local file = io.open(path)
  return file ~= nil and file:close()
end

describe("valgrind", function()
  if shell.build == "build/sanitize" then
    it("finds nothing",
      function() pending "valgrind cannot run what is built with the sanitizers" end)
    return
  end

  for name, options in pairs(SPECS) do
    local path = ("spec/%s_spec.lua"):format(name)
    if exists(path) then
      it("finds nothing in " .. path, function()
        local out, code =
          shell.run(("SPEC_LUA='%s lua5.4' timeout %d %s lua5.4 /usr/bin/busted %s %s 2>&1"):format(
            VALGRIND,
          LIMIT, VALGRIND, options, path))
        assert.are.equal(0, code, out)
        assert.matches("[1-9]%d* success", out)
      end)
    end
  end

  -- The program itself is static, which hides its malloc from valgrind; the same objects are linked
  -- again.
  it("finds nothing in watchbot-log", function()
    local folder <close> =
      setmetatable({ shell.folder() }, { __close = function(self) shell.remove(self[1]) end })
    -- Those that the Makefile names: a list here was one file short.
    local names = shell.read "Makefile":match "\nLOG := %$%(addprefix %$%(B%)/obj/,([^)]+)"
    local objects = names:gsub("%S+", shell.build .. "/obj/%0")
    local program = folder[1] .. "/watchbot-log"
    assert.are.equal(0, select(2, shell.run(("cc -o %s %s"):format(program, objects))))
    for _, environment in ipairs { "", "structuredLogging=true" } do
      local out, code =
        shell.run(("{ seq 20000; head -c 3000000 /dev/zero; echo; echo '{\"a\":1}'; } | "
        .. "%s MessageId=id-1 timeout %d %s %s 2>&1 >/dev/null"):format(environment, LIMIT,
          VALGRIND, program))
      assert.are.equal(0, code, out)
    end
  end)
end)
