local shell = require "support.shell"

local ROCKSPEC = "rockspec/watchbot-scm-1.rockspec"

local function lines(command)
  local found = {}
  for line in shell.run(command):gmatch "[^\n]+" do found[#found + 1] = line end
  return found
end

local function rockspec()
  local rock = {}
  assert(loadfile(ROCKSPEC, "t", rock))()
  return rock
end

describe("the rockspec", function()
  it("lists every Lua module", function()
    local listed, expected = rockspec().build.modules, {}
    listed["watchbot.core"] = nil
    for _, path in ipairs(lines "find lua -name '*.lua'") do
      local module = path:match "^lua/(.*)%.lua$":gsub("/init$", ""):gsub("/", ".")
      expected[module] = path
    end
    assert.are.same(expected, listed)
  end)

  it("lists what the modules read that is not Lua", function()
    local listed, expected = rockspec().build.install.lua, {}
    for _, path in ipairs(lines "find lua -type f ! -name '*.lua'") do
      expected[path:match "^lua/(.*)%.%a+$":gsub("/", ".")] = path
    end
    assert.are.same(expected, listed)
  end)

  it("lists every C file but those of the programs and of the C library", function()
    local listed, expected = {}, {}
    local others = {
      ["main.c"] = true, ["init.c"] = true, ["log_main.c"] = true, ["embed.c"] = true,
      ["preload.c"] = true, ["startup.c"] = true,
    }
    for _, path in ipairs(rockspec().build.modules["watchbot.core"].sources) do
      listed[path] = true
    end
    for _, path in ipairs(lines "ls src/*.c") do
      if not others[path:match "[^/]+$"] then expected[path] = true end
    end
    assert.are.same(expected, listed)
  end)

  -- Its server may be out of reach: the modules that it depends on are Debian's. It builds where it
  -- is run: in a copy.
  it("builds and installs with luarocks make", function()
    local folder <close> =
      setmetatable({ shell.folder() }, { __close = function(self) shell.remove(self[1]) end })
    local out, code = shell.run(([[cp -r LICENSE include lua rockspec src %s && cd %s && HOME=%s \
      luarocks --lua-version 5.4 --tree %s/tree make --deps-mode none %s 2>&1]])
      :format(folder[1], folder[1], folder[1],
      folder[1], ROCKSPEC))
    assert.are.equal(0, code, out)

    shell.write(folder[1] .. "/try.lua", [[
      local watchbot = require "watchbot"
      assert(package.searchpath("watchbot.core", package.cpath):find("/tree/", 1, true))
      watchbot.scheduler.run(function() watchbot.scheduler.sleep(0) end)
      watchbot.log("installed", watchbot.version)
      assert(#require "watchbot.console.assets".get "style.css".bytes > 0)
    ]])
    out, code = shell.run(([[cd / &&
      LUA_PATH="%s/tree/share/lua/5.4/?.lua;%s/tree/share/lua/5.4/?/init.lua;;" \
      LUA_CPATH="%s/tree/lib/lua/5.4/?.so;;" lua5.4 %s/try.lua 2>&1]])
      :format(folder[1], folder[1], folder[1], folder[1]))
    assert.are.equal(0, code, out)
    assert.matches("%[worker%] installed\t%d", out)
  end)
end)
