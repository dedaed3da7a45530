-- The file of a queue: by how many names it is known, whose it is, and who only looks.

local open = require "watchbot.queue".open
local workshop = require "support.workshop"

local task = workshop.task

local function make(folder)
  local queue = assert(open(folder:url()))
  assert(queue:send { { body = "one" } })
  queue:close()
end

local function shell(command, ...)
  assert(os.execute(command:format(...)), command)
end

-- What a script prints, run in a new mount namespace; nil where this user may not mount.
local function look(folder, mount, name, script)
  if not os.execute "unshare -m true 2>/dev/null" then return nil end
  folder:write("look.lua", ([[
    local scheduler, queues = require "watchbot.scheduler", require "watchbot.queue"
    scheduler.run(function() %s end)]]):format(script))
  local command = ("export ASAN_OPTIONS=detect_leaks=0 "
    .. "LUA_PATH='%s' LUA_CPATH='%s'; %s; %s %s %s"):format(
    package.path, package.cpath, mount:gsub("FOLDER", folder.path), arg[-1], folder:file "look.lua",
      folder:url(name))
  local pipe <close> =
    assert(io.popen(("unshare -m sh -e -c %s 2>&1"):format("'" .. command:gsub("'", "'\\''")
    .. "'")))
  return pipe:read "a"
end

describe("a queue's file", function()
  -- Each name has a separate WAL: what send stored through one was never seen through the other.
  it("that has two names is refused, with what to do", task(function(folder)
    make(folder)
    shell("ln '%s' '%s'", folder:file "jobs.db", folder:file "alias.db")
    for _, name in ipairs { "jobs.db", "alias.db" } do
      local queue, err, code = open(folder:url(name))
      assert.is_nil(queue)
      assert.are.equal("TwoNames", code)
      assert.matches("has 2 names %(hard links%).*remove the others", err)
    end
    os.remove(folder:file "alias.db")
    assert(open(folder:url())):close()
  end))

  it("that a symbolic link leads to is the same file", task(function(folder)
    make(folder)
    shell("ln -s jobs.db '%s'", folder:file "link.db")
    local queue <close> = assert(open(folder:url "link.db"))
    assert.are.equal("one", assert(queue:receive(1, 0))[1].body)
  end))

  -- docker run -v /h/jobs.db:/app/jobs.db
  it("that is mounted alone is refused, with what to do", task(function(folder)
    make(folder)
    folder:write("other.db", "")
    local said = look(folder, "mount --bind FOLDER/jobs.db FOLDER/other.db", "other.db", [[
      print(select(2, queues.open(arg[1])))]])
    if not said then return pending "needs the right to mount" end
    assert.matches("the file itself is mounted here.*mount its folder instead", said)
  end))

  it("that every user may write, or that is another user's, is warned of", task(function(folder)
    make(folder)
    shell("chmod 0666 '%s'", folder:file "jobs.db")
    local queue = assert(open(folder:url()))
    assert.matches("can be written by every user %(mode 0666%).*chmod o%-w", queue.warning)
    queue:close()
    shell("chmod 0660 '%s'", folder:file "jobs.db")
    queue = assert(open(folder:url()))
    assert.is_nil(queue.warning)
    queue:close()
    if not os.execute(("chown 12345 '%s' 2>/dev/null"):format(folder:file "jobs.db")) then
      return
    end
    queue = assert(open(folder:url()))
    assert.matches("belongs to another user %(id 12345%)", queue.warning)
    queue:close()
  end))

  -- `status` needed write permission. Root may write everything, but not on a read-only mount.
  it("can be looked at where it cannot be written", task(function(folder)
    make(folder)
    local said = look(folder,
      "mount --bind FOLDER FOLDER; mount -o remount,ro,bind FOLDER", "jobs.db", [[
      local queue, err = queues.open(arg[1], { read_only = true })
      print(queue and assert(queue:counts()).visible or err, queue and assert(queue:traffic()).sent)
      print(select(3, queues.open(arg[1])))]])
    if not said then return pending "needs the right to mount" end
    assert.are.equal("1\t1\nSQLITE_READONLY\n", said)
  end))

  it("is the same with a newline behind its URL, as variables often have it", task(function(folder)
    make(folder)
    for _, behind in ipairs { "\n", "\r\n", "\n\n" } do
      local queue <close> = assert(open(folder:url() .. behind))
      assert.are.equal(1, assert(queue:counts()).visible + assert(queue:counts()).in_flight)
    end
    local queue, err, code = open "https://sqs.eu-west-1.amazonaws.com/1/jobs two"
    assert.are.same({ nil, "Usage" }, { queue, code })
    assert.matches("expected sqlite:FILE or https", err)
  end))
end)
