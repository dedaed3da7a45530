-- Private files, and their removal when their owner is killed.

local host = require "support.host"
local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"

local function task(body)
  return function() scheduler.run(body) end
end

local function shell(command, ...)
  local pipe <close> = io.popen(command:format(...))
  return (pipe:read "a":gsub("\n$", ""))
end

local function exists(path)
  return os.execute(("[ -e '%s' ]"):format(path)) == true
end

local function folder_of(path)
  return path:match "(.*)/"
end

-- A body that gets its own $TMPDIR, removed afterwards.
local function in_folder(body)
  return task(function()
    local folder = shell "mktemp -d"
    local removed <close> = setmetatable({}, {
      __close = function() shell("rm -rf '%s'", folder) end,
    })
    assert(removed)
    body(folder, { env = { TMPDIR = folder } })
  end)
end

-- Starts a program that has written a file, and returns that file's path as well.
local function owner(options)
  local child, file = host.start([[
    io.stdout:setvbuf "no"
    mine = assert(process.file "mine")
    print(mine:path())
    scheduler.run(scheduler.sleep, 987)]], options)
  return child, file,
    host.eventually(function() return child:output():match "(.*)\n" end, "the file is there")
end

describe("process.file", function()
  it("writes a file that only its owner can read", task(function()
    local file <close> = assert(process.file "a\0b\n")
    assert.are.equal("600 4", shell("stat -c '%%a %%s' '%s'", file:path()))
    -- The folder of a separate program: other specs open this one's to other users.
    local folder = host.run [[
      local file <close> = assert(process.file "")
      os.execute(("stat -c %%a '%s'"):format(file:path():match "(.*)/"))]]
    assert.are.equal("700\n", folder)
    local content <close> = io.open(file:path(), "rb")
    assert.are.equal("a\0b\n", content:read "a")
  end))

  it("removes it when it is closed, or collected, once", function()
    local path
    do
      local file <close> = assert(process.file "")
      path = file:path()
      assert.is_true(exists(path))
    end
    assert.is_false(exists(path))
    local file = assert(process.file "")
    file:close()
    file:close()
    assert.are.equal("string", type(file:path()))
    path = assert(process.file ""):path()
    collectgarbage()
    collectgarbage()
    assert.is_false(exists(path))
  end)

  it("uses $TMPDIR, and leaves nothing at the end of the program",
    in_folder(function(folder, options)
    local path = host.run([[
      left = assert(process.file "left")
      io.write(left:path())]], options)
    assert.are.equal(folder, folder_of(folder_of(path)))
    assert.are.equal("", shell("ls -A '%s'", folder))
  end))

  it("says what is wrong", in_folder(function(folder)
    local nowhere = folder .. "/nowhere"
    local stdout = host.run("print(process.file 'x')", { env = { TMPDIR = nowhere } })
    local refused = "nil\tcould not write a private file in '%s': %s\n"
    assert.are.equal(refused:format(nowhere, "no such file or directory\tENOENT"), stdout)
    stdout = host.run("print(process.file(('x'):rep(1 << 20)))", {
      prefix = "prlimit --fsize=4096 env --ignore-signal=XFSZ", env = { TMPDIR = folder },
    })
    assert.are.equal(refused:format(folder, "file too large\tEFBIG"), stdout)
    assert.are.equal("", shell("ls -A '%s'", folder))
    assert.has_error(function() process.file() end)
  end))

  it("does not mind that somebody has cleaned up its folder", in_folder(function(folder, options)
    local stdout = host.run([[
      local first = assert(process.file "1")
      os.execute('rm -r "$TMPDIR"/watchbot-*')
      local second = assert(process.file "2")
      first:close()
      os.execute("cat " .. second:path())]], options)
    assert.are.equal("2", stdout)
    assert.are.equal("", shell("ls -A '%s'", folder))
  end))
end)

describe("process.sweep", function()
  it("removes the files of a program that was killed", in_folder(function(folder, options)
    local child, file, path = owner(options)
    child:kill "KILL"
    child:wait()
    assert.is_true(exists(path))
    host.run("process.sweep()", options)
    assert.are.equal("", shell("ls -A '%s'", folder))
    file:close()
  end))

  it("leaves those of one that lives", in_folder(function(_, options)
    local child, file, path = owner(options)
    host.run("own = process.file 'x' process.sweep() assert(io.open(own:path()))", options)
    assert.is_true(exists(path))
    child:close()
    file:close()
  end))

  -- The pid of a dead watcher may be a living process's by then: the lock decides, not the
  -- pid.
  it("is not deceived by a pid that another process has now", in_folder(function(folder, options)
    local child, file = owner(options)
    child:kill "KILL"
    child:wait()
    shell("mv '%s'/watchbot-* '%s/watchbot-1-abcdef'", folder, folder)
    host.run("process.sweep()", options)
    assert.are.equal("", shell("ls -A '%s'", folder))
    file:close()
  end))

  -- A folder `watchbot-2024/` of the user's, or `watchbot-1.0/` with a source tree, lost its files.
  for _, name in ipairs { "watchbot-1.0", "watchbot-2024", "watchbot-7-backup",
    "watchbot-12-abcdef" } do
    it("leaves a folder of the user's with the name " .. name, in_folder(function(folder, options)
      shell("mkdir -m 700 '%s/%s' && cd '%s/%s' && touch 1 2 report.pdf", folder, name, folder,
        name)
      host.run("process.sweep()", options)
      assert.are.equal("1\n2\nreport.pdf", shell("ls -A '%s/%s'", folder, name))
      shell("rm '%s/%s/report.pdf'", folder, name)
      host.run("process.sweep()", options)
      assert.are.equal("1\n2", shell("ls -A '%s/%s'", folder, name))
    end))
  end

  it("leaves a folder of a dead watcher in which something else was put",
    in_folder(function(folder, options)
    local child, file = owner(options)
    child:kill "KILL"
    child:wait()
    shell("cd '%s'/watchbot-* && touch notes", folder)
    host.run("process.sweep()", options)
    assert.are.equal(".watchbot\n1\nnotes", shell("ls -A '%s'/watchbot-*", folder))
    file:close()
  end))

  it("leaves everything else", in_folder(function(folder, options)
    shell([[cd '%s' && mkdir watchbot-1-link watchbot-tiles other && touch watchbot-tiles/1 \
      other/1 watchbot-1-file &&
      mkdir watchbot-1-full watchbot-1-full/folder &&
      ln -s "$PWD/other" watchbot-1-symlink && rmdir watchbot-1-link]], folder)
    local before = shell("cd '%s' && find . | sort", folder)
    host.run("process.sweep()", options)
    assert.are.equal(before, shell("cd '%s' && find . | sort", folder))
  end))

  it("leaves what belongs to another user", in_folder(function(folder, options)
    if not os.execute "[ $(id -u) = 0 ]" then
      return pending "only root can make files of another user"
    end
    shell("cd '%s' && mkdir watchbot-1-theirs && touch watchbot-1-theirs/1 && chown -R 65534 "
      .. "watchbot-1-theirs", folder)
    host.run("process.sweep()", options)
    assert.is_true(exists(folder .. "/watchbot-1-theirs/1"))
  end))
end)
