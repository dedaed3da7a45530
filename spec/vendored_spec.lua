-- Only Debian has static archives of lua-cjson and LuaExpat: others build them from tarballs. One
-- error names each tarball that is missing or wrong.

local shell = require "support.shell"

local MAKE = "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u LUA_TARBALL -u CJSON_TARBALL "
  .. "-u LUAEXPAT_TARBALL "

local folder

before_each(function() folder = shell.folder() end)
after_each(function() shell.remove(folder) end)

-- What make prints as its one error.
local function refused(variables, goal)
  local line = "%s%s make B=%s/build %s %s 2>&1"
  local out, code = shell.run(line:format(MAKE, variables, folder, variables,
    goal or folder .. "/build/libraries"))
  assert.are.equal(2, code, out)
  assert.are.equal(1, select(2, out:gsub("error: ", "")), out)
  return out:match "error: ([^\n]+)"
end

-- A tarball with one folder, and in it files with these texts.
local function tarball(name, files)
  for path, text in pairs(files) do
    assert(os.execute(("mkdir -p $(dirname %s/%s/%s)"):format(folder, name, path)))
    shell.write(("%s/%s/%s"):format(folder, name, path), text)
  end
  local path = ("%s/%s.tar.gz"):format(folder, name)
  assert(os.execute(("tar -C %s -czf %s %s"):format(folder, path, name)))
  return path
end

describe("make VENDORED=1", function()
  it("names the tarball that is not set, not there, or of something else", function()
    assert.are.equal("make VENDORED=1: set LUA_TARBALL to the tarball of Lua's source",
      refused "VENDORED=1")
    assert.are.equal("make VENDORED=1: LUA_TARBALL: there is no file '/no/lua.tar.gz'",
      refused "VENDORED=1 LUA_TARBALL=/no/lua.tar.gz")
    local other = tarball("other", { ["README"] = "" })
    assert.are.equal(("make VENDORED=1: LUA_TARBALL: '%s' has no src/lua.h; expected the tarball "
      .. "of Lua's source"):format(other), refused("VENDORED=1 LUA_TARBALL=" .. other))
    local lua = tarball("lua", { ["src/lua.h"] = "#define LUA_VERSION_NUM\t\t504\n" })
    assert.are.equal("make VENDORED=1: set CJSON_TARBALL to the tarball of lua-cjson's source",
      refused("VENDORED=1 LUA_TARBALL=" .. lua))
  end)

  it("refuses a Lua that is not 5.4", function()
    local lua = tarball("lua", { ["src/lua.h"] = "#define LUA_VERSION_NUM\t\t503\n" })
    local variables = ("VENDORED=1 LUA_TARBALL=%s CJSON_TARBALL=%s LUAEXPAT_TARBALL=%s"):format(lua,
      tarball("cjson", { ["lua_cjson.c"] = "" }), tarball("expat", { ["src/lxplib.c"] = "" }))
    assert.are.equal(("make VENDORED=1: LUA_TARBALL: '%s' is not Lua 5.4"):format(lua),
      refused(variables))
  end)

  -- The sources are not in the tree: `make test-vendored` downloads them, a packager names them.
  if os.getenv "LUA_TARBALL" then
    it("builds a program that works from the tarballs that are named", function()
      local variables = {}
      for _, name in ipairs { "LUA_TARBALL", "CJSON_TARBALL", "LUAEXPAT_TARBALL" } do
        variables[#variables + 1] = name .. "=" .. shell.quote(assert(os.getenv(name), name))
      end
      local out, code = shell.run(([[%smake VENDORED=1 B=%s/build %s all 2>&1 && cd %s &&
        printf 'a\nb\n' | build/watchbot send --queue sqlite:jobs.db &&
        build/watchbot run --drain --queue sqlite:jobs.db -- true 2>&1]]):format(MAKE, folder,
        table.concat(variables, " "), folder))
      assert.are.equal(0, code, out)
      assert.matches('"complete":2', out, 1, true)
    end)
  end
end)

describe("the build with another Lua", function()
  -- The preprocessor said it once for each of 60 files, after other errors.
  it("names the headers that are not of Lua 5.4", function()
    shell.write(folder .. "/lua.h", "#define LUA_VERSION_NUM 501\n")
    shell.write(folder .. "/luajit.pc", ("Name: LuaJIT\nDescription: Lua\nVersion: 2.1\n"
      .. "Cflags: -I%s\nLibs:\nlibdir=%s\n"):format(folder, folder))
    assert.are.equal("watchbot needs Lua 5.4; lua.h of 'luajit' is of Lua 5.1",
      refused(("PKG_CONFIG_PATH=%s LUA_PC=luajit"):format(folder)))
  end)

  it("names the interpreter that is not Lua 5.4", function()
    shell.write(folder .. "/luajit", "#!/bin/sh\necho 'LuaJIT 2.1.0-beta3'\n")
    assert(os.execute("chmod +x " .. folder .. "/luajit"))
    assert.are.equal(("watchbot needs Lua 5.4; the interpreter '%s/luajit' is LuaJIT 2.1.0-beta3")
      :format(folder), refused("LUA=" .. folder .. "/luajit"))
  end)
end)
