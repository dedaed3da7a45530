local shell = require "support.shell"

-- The make of this spec is not a part of the one that runs the specs.
local MAKE = "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make" .. (shell.build == "build/sanitize" and " SANITIZE=1" or "")

local folder, destination

local function make(arguments)
  local out, code = shell.run(("%s %s 2>&1"):format(MAKE, arguments))
  assert.are.equal(0, code, out)
  return out
end

-- Runs a command in a folder that has nothing to do with the source; $usr is where everything was installed.
local function elsewhere(command)
  return shell.run(("mkdir -p %s/elsewhere && cd %s/elsewhere && usr=%s/usr && %s"):format(folder, folder, destination,
    command))
end

local function files()
  return (shell.run(("cd %s && find . -type f"):format(destination)))
end

setup(function()
  folder = shell.folder()
  destination = folder .. "/destination"
  make(("install PREFIX=/usr DESTDIR=%s"):format(destination))
end)

teardown(function() shell.remove(folder) end)

describe("make", function()
  it("does nothing for what is made", function()
    assert.matches("Nothing to be done", (make "all"))
  end)
end)

describe("make install", function()
  it("installs programs that run from another folder", function()
    local version = require "watchbot.version"
    assert.are.equal("watchbot " .. version .. "\n", (elsewhere "$usr/bin/watchbot --version"))
    assert.matches("%[worker%] hello\n$", (elsewhere "$usr/bin/watchbot-log hello"))
  end)

  it("installs a watcher that does its job there", function()
    local out, code = elsewhere [[$usr/bin/watchbot send --queue sqlite:jobs.db hello >/dev/null &&
      $usr/bin/watchbot run --drain --queue sqlite:jobs.db -- sh -c 'echo "got $Message"']]
    assert.are.equal(0, code, out)
    assert.matches("%[worker%] %[[^%]]+%] got hello\n", out)
  end)

  it("installs the manual", function()
    for _, page in ipairs { "man1/watchbot.1", "man1/watchbot-log.1", "man5/watchbot-policy.5" } do
      assert.is_truthy(files():find("./usr/share/man/" .. page .. "\n", 1, true), page)
    end
  end)

  it("installs the Lua module, all of it", function()
    shell.write(folder .. "/elsewhere.lua", [[
      local watchbot = require "watchbot"
      watchbot.scheduler.run(function() watchbot.scheduler.sleep(0) end)
      watchbot.log(watchbot.version)
      print(package.searchpath("watchbot.core", package.cpath))
    ]])
    local out, code = elsewhere(([[LUA_PATH="$usr/share/lua/5.4/?.lua;$usr/share/lua/5.4/?/init.lua" \
      LUA_CPATH="$usr/lib/lua/5.4/?.so" %s %s/elsewhere.lua 2>&1]]):format(shell.interpreter, folder))
    assert.are.equal(0, code, out)
    assert.matches("%[worker%] %d+%.%d+%.%d+\n" .. destination:gsub("%p", "%%%0"), out)
    local installed = files()
    for path in shell.run("find lua -name '*.lua'"):gmatch "[^\n]+" do
      assert.is_truthy(installed:find("./usr/share/lua/5.4/" .. path:sub(5) .. "\n", 1, true), path)
    end
  end)

  it("installs what a C host needs, and the papers", function()
    local installed = files()
    for _, path in ipairs { "include/watchbot.h", "lib/libwatchbot.a", "share/doc/watchbot/LICENSE" } do
      assert.is_truthy(installed:find("./usr/" .. path .. "\n", 1, true), path)
    end
  end)

  it("can put the Lua modules elsewhere", function()
    local other = folder .. "/other"
    make(("install PREFIX=%s INSTALL_CMOD=%s/c INSTALL_LMOD=%s/l"):format(other, other, other))
    assert.are.equal("", (shell.run(("test -f %s/c/watchbot/core.so -a -f %s/l/watchbot/init.lua || echo missing"):format(other,
      other))))
    assert.are.equal("", (shell.run(("test -e %s/lib/lua -o -e %s/share/lua && echo twice"):format(other, other))))
  end)
end)

describe("make uninstall", function()
  it("leaves no file behind, and those of others alone", function()
    shell.write(destination .. "/usr/bin/other", "")
    make(("uninstall PREFIX=/usr DESTDIR=%s"):format(destination))
    assert.are.equal("./usr/bin/other\n", (files()))
    os.remove(destination .. "/usr/bin/other")
    make(("install PREFIX=/usr DESTDIR=%s"):format(destination))
  end)
end)
