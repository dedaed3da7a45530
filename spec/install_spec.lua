local shell = require "support.shell"

-- The make of this spec is not a part of the one that runs the specs.
local MAKE = "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make"
  .. (shell.build == "build/sanitize" and " SANITIZE=1" or "")

local folder, destination

local function make(arguments)
  local out, code = shell.run(("%s %s 2>&1"):format(MAKE, arguments))
  assert.are.equal(0, code, out)
  return out
end

-- Runs a command in a folder that has nothing to do with the source; $usr is where everything was
-- installed.
local function elsewhere(command)
  return shell.run(("mkdir -p %s/elsewhere && cd %s/elsewhere && usr=%s/usr && %s"):format(folder,
    folder, destination,
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

-- Programs that come first in PATH: each writes its name into a file and fails, as where nothing is
-- installed.
local function fakes(names)
  local path = folder .. "/fakes"
  shell.run("rm -rf " .. path .. " && mkdir " .. path)
  for _, name in ipairs(names) do
    shell.write(path .. "/" .. name,
      ("#!/bin/sh\necho '%s' >> %s/called\nexit 1\n"):format(name, path))
  end
  shell.run(("chmod +x %s/*"):format(path))
  return path
end

-- A dry run installed packages: the Makefile called the package manager while it was read.
describe("make without deps", function()
  for _, goal in ipairs { "-n install", "-n all", "-p -n", "all",
    "install PREFIX=/usr DESTDIR=%s/quiet" } do
    it("runs no package manager: make " .. goal, function()
      local path = fakes { "dpkg-query", "dpkg", "apt-get", "sudo", "dnf", "apk", "pacman", "brew" }
      local out, code =
        shell.run(("PATH=%s:$PATH %s %s 2>&1"):format(path, MAKE, goal:format(folder)))
      assert.are.equal(0, code, out)
      assert.are.equal("", (shell.run(("cat %s/called 2>/dev/null"):format(path))))
    end)
  end

  it("does with deps", function()
    local path = fakes { "dpkg-query", "apt-get", "sudo" }
    local out, code = shell.run(("PATH=%s:$PATH %s deps 2>&1"):format(path, MAKE))
    assert.are_not.equal(0, code, out)
    assert.matches("installing: gcc", out)
    assert.matches("dpkg%-query\n.*\n$", (shell.run(("cat %s/called"):format(path))))
  end)

  -- A packager's machine has no dpkg: missing libraries are found by pkg-config and the compiler,
  -- and named in one error.
  it("names missing libraries once, with the packages of each distribution", function()
    local path = fakes { "dpkg-query", "apt-get" }
    shell.write(path .. "/pkg-config", [[#!/bin/sh
      case "$*" in *sqlite3*|*libcurl*) exit 1 ;; esac
      PATH=${PATH#*:} exec pkg-config "$@"]])
    shell.run(("chmod +x %s/pkg-config"):format(path))
    local out, code =
      shell.run(("PATH=%s:$PATH %s -j2 all B=%s/build 2>&1"):format(path, MAKE, folder))
    assert.are.equal(2, code)
    local _, errors = out:gsub("error: ", "")
    assert.are.equal(1, errors, out)
    assert.matches("missing: libcurl, SQLite\n", out)
    for _, line in ipairs { "Debian, Ubuntu  make deps .*libcurl4%-openssl%-dev libsqlite3%-dev\n",
      "Fedora +dnf install libcurl%-devel sqlite%-devel\n",
      "Alpine +apk add curl%-dev sqlite%-dev\n",
      "Arch +pacman %-S curl sqlite\n", "Homebrew +brew install curl sqlite\n" } do
      assert.matches(line, out)
    end
    assert.are.equal("", (shell.run(("cat %s/called 2>/dev/null"):format(path))))
  end)

  it("names a static library that is missing", function()
    local archives = "/no/liblua5.4-cjson.a /no/libexpat.a"
    local out, code =
      shell.run(("%s all B=%s/static STATIC_LUA='%s' 2>&1"):format(MAKE, folder, archives))
    assert.are.equal(2, code)
    assert.matches("missing: lua%-cjson %(static: liblua5%.4%-cjson%.a%), Expat %(static: "
      .. "libexpat%.a%)\n", out)
    assert.matches("make STATIC_LUA=", out)
  end)
end)

-- A packager builds as an unprivileged user, without sudo, and installs into a folder.
describe("a user without sudo", function()
  it("installs with DESTDIR what that user has built", function()
    local path, tree = fakes { "sudo", "apt-get", "dpkg-query" }, folder .. "/tree"
    shell.run(("mkdir -p %s && cp -a Makefile .ci .package src include lua doc LICENSE README.md "
      .. "CHANGELOG.md %s"):format(tree, tree))
    shell.run(("chmod 755 %s"):format(folder))
    local as = ""
    if shell.run "id -u" == "0\n" then
      shell.run(("chown -R 65534:65534 %s"):format(tree))
      as = "setpriv --reuid=65534 --regid=65534 --clear-groups "
      if not os.execute(as .. "true 2>/dev/null") then
        pending "no other user may run a program here"
      end
    end
    local function run(goal)
      local out, code =
        shell.run(("cd %s && PATH=%s:$PATH %s env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL CFLAGS=-O0 "
          .. "make %s 2>&1")
        :format(tree, path, as, goal))
      assert.are.equal(0, code, out)
    end
    run "all"
    shell.write(tree .. "/built", "")
    run(("install DESTDIR=%s/root"):format(tree))
    local again = ("cat %s/called 2>/dev/null; find %s/build -type f -newer %s/built"):format(path,
      tree, tree)
    assert.are.equal("", (shell.run(again)))
    assert.matches("^watchbot %d",
      (shell.run(("%s/root/usr/local/bin/watchbot --version"):format(tree))))
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
    local out, code = elsewhere(([[
      LUA_PATH="$usr/share/lua/5.4/?.lua;$usr/share/lua/5.4/?/init.lua" \
      LUA_CPATH="$usr/lib/lua/5.4/?.so" %s %s/elsewhere.lua 2>&1]])
      :format(shell.interpreter, folder))
    assert.are.equal(0, code, out)
    assert.matches("%[worker%] %d+%.%d+%.%d+\n" .. destination:gsub("%p", "%%%0"), out)
    local installed = files()
    for path in shell.run("find lua -name '*.lua'"):gmatch "[^\n]+" do
      assert.is_truthy(installed:find("./usr/share/lua/5.4/" .. path:sub(5) .. "\n", 1, true), path)
    end
  end)

  it("installs what a C host needs, and the papers", function()
    local installed = files()
    for _, path in ipairs { "include/watchbot.h", "lib/libwatchbot.a", "share/doc/watchbot/LICENSE",
      "share/doc/watchbot/doc/policy.md", "share/doc/watchbot/doc/examples/python/worker.py" } do
      assert.is_truthy(installed:find("./usr/" .. path .. "\n", 1, true), path)
    end
  end)

  it("can put the Lua modules elsewhere", function()
    local other = folder .. "/other"
    make(("install PREFIX=%s INSTALL_CMOD=%s/c INSTALL_LMOD=%s/l"):format(other, other, other))
    assert.are.equal("",
    (shell.run((
      "test -f %s/c/watchbot/core.so -a -f %s/l/watchbot/init.lua || echo missing"):format(other,
      other))))
    assert.are.equal("",
      (shell.run(("test -e %s/lib/lua -o -e %s/share/lua && echo twice"):format(other, other))))
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
