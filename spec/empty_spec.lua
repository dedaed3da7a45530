-- What empties the volumes. Real folders, links and mounts: the promise is about the kernel's
-- answers.

local empty = require "watchbot.core".empty

local build = os.getenv "WATCHBOT_BUILD" or "build"

local function quote(word) return "'" .. word:gsub("'", [['\'']]) .. "'" end

-- Runs a shell script with $1 as its argument; returns its output and whether it ended well.
local function sh(script, argument)
  local pipe <close> = io.popen(("set -e; set -- %s; %s"):format(quote(argument or ""), script))
  local output = pipe:read "a"
  return output, (pipe:close())
end

local function must(script, argument)
  local output, ok = sh("{ " .. script .. "\n} 2>&1", argument)
  assert(ok, output)
  return output
end

local function entries(path)
  return (must("find \"$1\" -mindepth 1 -printf '%P\\n' | sort", path))
end

-- Empties a folder; returns what `report` says.
local function emptied(path)
  local handle <close> = assert(empty.open(path))
  while handle:step(0.001) do end
  return handle:report()
end

-- The same by the program, behind `prefix` ("setpriv ..."); what it printed.
local function emptied_by_program(path, prefix, before)
  local command = ("%s\nexport FOLDER=$1; %s %s/watchbot check spec/support/emptying.lua"):format(
    before or "", prefix, build)
  return must(command, path)
end

local root = must "id -u" == "0\n"

-- The same user without root's right to pass over permissions.
local plainly = root and "setpriv --bounding-set=-dac_override,-dac_read_search,-fowner" or ""

describe("emptying a folder", function()
  local base, volume, outside

  before_each(function()
    base = must "mktemp -d":match "[^\n]+"
    volume, outside = base .. "/volume", base .. "/outside"
    must("mkdir $1/volume $1/outside; echo precious > $1/outside/file; mkdir $1/outside/folder",
      base)
  end)

  after_each(function()
    must("chmod -R u+rwx $1; rm -rf $1", base)
  end)

  local function outside_is_whole()
    assert.are.equal("file\nfolder\n", entries(outside))
    assert.are.equal("precious\n", must("cat $1/file", outside))
  end

  it("removes everything in it, and not the folder itself", function()
    must("mkdir -p $1/a/b/c $1/.hidden; touch $1/one $1/a/two $1/a/b/c/three $1/.hidden/four; "
      .. "mkfifo $1/pipe", volume)
    local removed, kept = emptied(volume)
    assert.are.equal(10 - 1, removed)
    assert.are.equal(0, kept)
    assert.are.equal("", entries(volume))
    assert.are.equal(0, (emptied(volume)))
  end)

  it("removes symbolic links and does not follow them", function()
    must("mkdir $1/volume/a; ln -s $1/outside $1/volume/link; ln -s $1/outside/file "
      .. "$1/volume/a/file; "
      .. "ln -s / $1/volume/a/root; ln -s nowhere $1/volume/dangling; ln -s .. $1/volume/up", base)
    assert.are.equal(6, (emptied(volume)))
    assert.are.equal("", entries(volume))
    outside_is_whole()
  end)

  it("takes a hard link's name, not what it is a link of", function()
    must("ln $1/outside/file $1/volume/file", base)
    emptied(volume)
    outside_is_whole()
  end)

  it("takes names of any bytes", function()
    must([[cd $1; touch "$(printf 'new\nline')" \
      "$(printf '\377\001')" -- -rf '*' ' ' "$(printf %0255d 0)"
      mkdir "$(printf 'a\n')x"]], volume)
    assert.are.equal(7, (emptied(volume)))
    assert.are.equal("", entries(volume))
  end)

  it("empties 10,000 files and 1,000 folders in small steps", function()
    must("cd $1; seq 10000 | xargs touch; seq -f d%.0f 1000 | xargs mkdir; seq -f d%.0f/file 100 "
      .. "| xargs touch", volume)
    local handle <close> = assert(empty.open(volume))
    local steps = 1
    while handle:step(0) do steps = steps + 1 end
    assert.is_true(steps > 100, "it took only " .. steps .. " steps")
    assert.are.equal(11100, (handle:report()))
    assert.are.equal("", entries(volume))
  end)

  it("goes 300 levels down, and 1,000, with few descriptors", function()
    for _, depth in ipairs { 63, 64, 65, 300, 1000 } do
      must(([[python3 -c 'import os, sys
os.chdir(sys.argv[1])
for i in range(%d): open("file", "w"); os.mkdir("d"); os.chdir("d")' "$1"]]):format(depth), volume)
      local output = emptied_by_program(volume, "", "ulimit -n 100")
      assert.matches("report|" .. depth * 2 .. "|0\n", output, 1, true)
      assert.are.equal("", entries(volume))
    end
  end)

  it("opens and empties folders of its own that have no permissions", function()
    must("mkdir -p $1/locked/in $1/readonly/x; touch $1/locked/file $1/readonly/x/file; "
      .. "chmod 0 $1/locked; chmod 500 $1/readonly $1/readonly/x", volume)
    assert.matches("report|6|0\n", emptied_by_program(volume, plainly), 1, true)
    assert.are.equal("", entries(volume))
  end)

  it("says what it could not remove, and why, and removes the rest", function()
    must("mkdir -p $1/a/b $1/c; touch $1/a/b/fixed $1/a/b/free $1/c/free", volume)
    local _, able = sh("chattr +i $1/a/b/fixed 2>/dev/null", volume)
    if not able then
      return pending "chattr +i is not possible here: not root, or "
        .. "the file system knows no immutable files"
    end
    local removed, kept, first, why, code = emptied(volume)
    must("chattr -i $1/a/b/fixed", volume)
    assert.are.same({ 3, 1, "a/b/fixed", "not removed: operation not permitted", "EPERM" },
      { removed, kept, first, why, code })
    assert.are.equal("a\na/b\na/b/fixed\n", entries(volume))
  end)

  it("says so where somebody else's folder cannot be opened", function()
    if not root then return pending "making a folder of another user needs root" end
    must("mkdir -p $1/theirs; touch $1/theirs/file $1/mine; chown 12345 $1/theirs; chmod 700 "
      .. "$1/theirs", volume)
    assert.matches("report|1|1|theirs|not removed: permission denied|EACCES",
      emptied_by_program(volume, plainly), 1, true)
    assert.are.equal("theirs\ntheirs/file\n", entries(volume))
  end)

  it("leaves mount points alone, bind mounts from the same device too", function()
    local _, able = sh("unshare -m true 2>/dev/null")
    if not able then return pending "a mount namespace needs root (CAP_SYS_ADMIN)" end
    must("cd $1/volume; mkdir -p a/tmpfs bind other; touch a/file mounted other/file", base)
    local output = must(([[unshare -m sh -ec '
      mount -t tmpfs none "$1/volume/a/tmpfs"; touch "$1/volume/a/tmpfs/kept"
      mount --bind "$1/outside" "$1/volume/bind"
      mount --bind "$1/outside/file" "$1/volume/mounted"
      FOLDER=$1/volume %s/watchbot check spec/support/emptying.lua
      ls "$1/volume/a/tmpfs"' sh "$1"]]):format(build), base)
    assert.matches("report|3|3|", output, 1, true)
    assert.matches("\nkept\n", output, 1, true)
    assert.are.equal("a\na/tmpfs\nbind\nmounted\n", entries(volume))
    outside_is_whole()
  end)

  it("empties a folder that is a mount point itself", function()
    local _, able = sh("unshare -m true 2>/dev/null")
    if not able then return pending "a mount namespace needs root (CAP_SYS_ADMIN)" end
    local output = must(([[unshare -m sh -ec '
      mount -t tmpfs none "$1"; mkdir "$1/a"; touch "$1/a/b"
      FOLDER=$1 %s/watchbot check spec/support/emptying.lua' sh "$1"]]):format(build), volume)
    assert.matches("report|2|0\n", output, 1, true)
  end)

  it("never leaves the folder while folders in it are being swapped for links", function()
    -- A task that escaped turns folders into links to what must not be touched, as fast as it can.
    must("touch $1/volume/go; mkdir $1/outside/folder/deep; touch $1/outside/folder/deep/precious",
      base)
    local swapper = io.popen(([[cd %s; while [ -e ../volume/stay ]; do :; done
      while [ ! -e ../stop ]; do mkdir -p x/y; touch x/y/z;
        mv x gone; ln -s ../outside x; ln -s ../../outside/folder gone/y/l
      rm -rf x gone; ln -s ../outside/folder x; rm -f x; done 2>/dev/null]])
      :format(quote(volume)), "r")
    for _ = 1, 300 do
      local handle <close> = assert(empty.open(volume))
      while handle:step(0) do end
    end
    must("touch $1/stop", base)
    swapper:close()
    assert.are.equal("file\nfolder\nfolder/deep\nfolder/deep/precious\n", entries(outside))
  end)

  it("does not begin where a part of the path is a link, or is no folder", function()
    must("mkdir $1/volume/sub; ln -s $1/volume $1/link; ln -s $1/volume/sub $1/volume/end", base)
    for _, path in ipairs {
      base .. "/link", base .. "/link/sub", volume .. "/end", outside .. "/file",
      outside .. "/file/x",
    } do
      local handle, err, code = empty.open(path)
      assert.is_nil(handle)
      assert.matches("cannot empty '" .. path .. "': a part of it is a symbolic link, or no folder",
        err, 1, true)
      assert.are.equal("ELOOP", code)
    end
    local _, err, code = empty.open(base .. "/none")
    assert.matches("no such file or directory", err)
    assert.are.equal("ENOENT", code)
    assert.are.equal("end\nsub\n", entries(volume))
  end)

  it("resolves links in front of the last name, and no other", function()
    must("ln -s $1 $1/link; ln -s $1/volume $1/last", base)
    local real = must("readlink -f $1", base):match "[^\n]+"
    assert.are.equal(real .. "/volume", empty.resolve(base .. "/link/link//volume///"))
    for path, expected in pairs {
      [base .. "/last"] = "ELOOP", [base .. "/last/"] = "ELOOP",
        [base .. "/outside/file"] = "ENOTDIR",
      [base .. "/none"] = "ENOENT",
      ["/"] = "EINVAL", ["//"] = "EINVAL", [""] = "EINVAL", ["volume"] = "EINVAL",
        ["./volume"] = "EINVAL",
      [volume .. "/.."] = "EINVAL", [volume .. "/."] = "EINVAL",
      ["/" .. ("x"):rep(5000)] = "ENAMETOOLONG",
    } do
      local resolved, err, code = empty.resolve(path)
      assert.is_nil(resolved)
      assert.are.equal(expected, code, err)
    end
  end)

  it("can be closed in the middle, twice", function()
    must("cd $1; seq 1000 | xargs touch; mkdir -p a/b/c", volume)
    local handle = assert(empty.open(volume))
    assert.is_true(handle:step(0))
    handle:close()
    handle:close()
    assert.has_error(function() handle:step(0) end)
    assert.has_error(function() handle:report() end)
  end)
end)
