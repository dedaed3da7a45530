-- The file of a queue: by how many names it is known, whose it is, and who only looks.

local old_queue = require "support.old_queue"
local open = require "watchbot.queue".open
local scheduler = require "watchbot.scheduler"
local schema = require "watchbot.queue.sqlite.schema"
local sqlite = require "watchbot.sqlite"
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

  -- Version 12 has replaced the triggers of a delete by cheaper ones, which do the same.
  it("of an older version still counts its messages, and lets groups move up",
    task(function(folder)
      for version = 11, #schema.migrations do
        local name = ("old-%d.db"):format(version)
        local old = old_queue.make(folder:file(name), version)
        old_queue.send(old, "first")
        assert(old:run "UPDATE messages SET fifo_group = 'g', priority = 3")
        assert(old:run "UPDATE state SET prioritized = 1")
        old:close()
        local queue <close> = assert(open(folder:url(name)))
        assert(queue:send { { body = "second", group = "g" } })
        assert(queue:delete(assert(queue:receive(1, 0))[1].receipt))
        local state = assert(queue.reader:first "SELECT messages, prioritized FROM state")
        assert.are.same({ messages = 1, prioritized = 0 }, state)
        local second = assert(queue:receive(1, 0))[1]
        assert.are.equal("second", second.body)
        assert(queue:delete(second.receipt))
        assert.are.equal(0, assert(queue:counts()).visible)
        assert.are.same({ n = 0 }, queue.reader:first "SELECT count(*) AS n FROM contents")
      end
    end))

  -- A statement that rolls back does not keep copies of what it changes: whatever fails in it, the
  -- transaction is over, and nothing of it has happened.
  it("loses nothing to a lease or a delete that fails halfway", task(function(folder)
    local queue <close> = assert(open(folder:url()))
    assert(queue:send { { body = "one" }, { body = "two" } })
    local broken <close> = assert(sqlite.open(folder:file "jobs.db"))
    assert(broken:execute [[CREATE TRIGGER no_lease AFTER UPDATE OF taken ON messages
      WHEN new.seq = 2 BEGIN UPDATE state SET messages = NULL; END]])
    local messages, err, code = queue:receive(2, 0)
    assert.is_nil(messages)
    assert.matches("NOT NULL constraint failed", err)
    assert.are.equal("SQLITE_CONSTRAINT", code)
    assert(broken:execute "DROP TRIGGER no_lease")
    messages = assert(queue:receive(2, 0))
    assert.are.same({ 1, 1 }, { messages[1].receives, messages[2].receives })
    assert(broken:execute [[CREATE TRIGGER no_delete AFTER DELETE ON messages
      WHEN old.seq = 2 BEGIN UPDATE OR ROLLBACK state SET messages = NULL; END]])
    local first = scheduler.spawn(queue.delete, queue, messages[1].receipt)
    assert.is_nil((queue:delete(messages[2].receipt)))
    first:join()
    assert.are.equal(2, assert(queue:counts()).in_flight)
    assert(broken:execute "DROP TRIGGER no_delete")
    for _, message in ipairs(messages) do assert(queue:delete(message.receipt)) end
    assert.are.equal(0, assert(queue:counts()).in_flight)
  end))
end)
