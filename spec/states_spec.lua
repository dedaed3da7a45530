-- A host that forks, and one that has several Lua states: what belongs to one of them is not
-- touched by another.

local shell = require "support.shell"

local SANITIZE = shell.build == "build/sanitize"
local folder

-- Runs a program in support/states.c; returns what it wrote, after it went through the command
-- `filter`.
local function run(text, filter)
  local path = folder .. "/program.lua"
  shell.write(path, ([[
    package.path, package.cpath = %q, %q
    FOLDER = %q
    scheduler = require "watchbot.scheduler"
    function in_a_child(f)
      local pid = fork()
      if pid == 0 then
        local good, why = xpcall(f, debug.traceback)
        if not good then io.stderr:write(why, "\n") end
        os.exit(good and 0 or 1, true)
      end
      local code = wait(pid)
      assert(code == 0, "the child ended with " .. code)
    end
  ]]):format(package.path, package.cpath, folder) .. text)
  -- What a forked child leaves to its parent is no leak of the child's.
  local out, code = shell.run(("{ ASAN_OPTIONS=detect_leaks=0 timeout 120 %s/states %s || echo "
    .. "status $?; } 2>&1 | %s"):format(
    folder, path, filter or "cat"))
  assert.are.equal(0, code, out)
  assert.is_nil(out:match "status %d+", out:sub(-1000))
  return out
end

describe("a host", function()
  setup(function()
    folder = shell.folder()
    local out, code =
      shell.run(("cc %s -g -Wall -Wextra -Werror -Wl,--export-dynamic -o %s/states "
        .. "spec/support/states.c "
      .. "$(pkg-config --cflags --libs lua5.4) -lpthread 2>&1"):format(SANITIZE
        and "-fsanitize=address,undefined" or "",
      folder))
    assert.are.equal(0, code, out)
  end)
  teardown(function() shell.remove(folder) end)

  describe("that forks", function()
    -- The copy of a log in the child wrote the lines that wait in it once more when the child
    -- ended, and took the parent's pipe out of the parent's own epoll, since a forked child shares
    -- it: the parent's log never wrote again.
    it("has its log written once, by itself", function()
      os.remove(folder .. "/go")
      local out = run([[
        local out = require "watchbot.log".open(1)
        scheduler.run(function()
          for number = 1, 20000 do out:write("worker", nil, "line " .. number .. ("."):rep(50)) end
          scheduler.sleep(0.01) -- the pipe is full, and watched
        end)
        assert(out:pending() > 0)
        in_a_child(function() end)
        io.open(FOLDER .. "/go", "w"):close()
        scheduler.run(function() assert(out:drain(60)) end)
      ]], ("{ until [ -e %s/go ]; do sleep 0.05; done; cat; }"):format(folder))
      local count = 0
      for _ in out:gmatch "line %d+%.+\n" do count = count + 1 end
      assert.are.equal(20000, count)
    end)

    it("keeps its processes, which the child can neither end nor add to", function()
      run [[
        local process = require "watchbot.process"
        local child, waiting
        scheduler.run(function()
          child = assert(process.start { argv = { "cat" }, output = "capture", stdin = "text" })
          waiting = assert(process.start {
            command = "until [ -e " .. FOLDER .. "/end ]; do sleep 0.05; done; exit 7" })
          assert(child:wait(60))
        end)
        in_a_child(function()
          waiting:stop(0)
          assert(waiting:kill "KILL" == false)
          for _, use in ipairs {
            function() process.start { argv = { "true" } } end,
            function() scheduler.run(function() end) end,
          } do
            local good, why = pcall(use)
            assert(not good and why:match "forked", why)
          end
        end)
        io.open(FOLDER .. "/end", "w"):close()
        scheduler.run(function() assert(assert(waiting:wait(60)).code == 7) end)
        assert(child:output() == "text")
      ]]
    end)

    -- SQLite forbids it: a child must not use its parent's connection, nor close it.
    it("keeps its databases to itself", function()
      run [[
        local sqlite = require "watchbot.core".sqlite
        local db = assert(sqlite.open(FOLDER .. "/jobs.db", true))
        assert(db:execute "PRAGMA journal_mode = wal; CREATE TABLE t (n); INSERT INTO t VALUES (1)")
        local insert <const> = assert(db:prepare "INSERT INTO t VALUES (?)")
        in_a_child(function()
          for _, use in ipairs {
            function() db:execute "INSERT INTO t VALUES (2)" end,
            function() db:prepare "SELECT 1" end,
            function() insert:run(2) end,
          } do
            local good, why = pcall(use)
            assert(not good and why:match "forked", why)
          end
          db:close()
        end)
        assert(insert:run(3) == 1)
        assert(assert(db:prepare "SELECT count(*) AS n FROM t"):first().n == 2)
      ]]
    end)
  end)

  -- The tasks, processes, logs and databases of one state are no business of another's.
  it("can have several Lua states, each on a thread of its own", function()
    run [[
      local threads = {}
      for number = 1, 4 do
        threads[number] = thread(([=[
          package.path, package.cpath = %q, %q
          local scheduler, process = require "watchbot.scheduler", require "watchbot.process"
          local sqlite = require "watchbot.core".sqlite
          scheduler.run(function()
            local db = assert(sqlite.open("%s/%d.db", true))
            assert(db:execute "CREATE TABLE t (n)")
            local insert = assert(db:prepare "INSERT INTO t VALUES (?)")
            for round = 1, 10 do
              local child <close> = assert(process.start {
                command = "cat; exit " .. round, stdin = "%d", output = "capture",
              })
              assert(assert(child:wait(60)).code == round)
              assert(child:output() == "%d")
              assert(insert:run(round) == 1)
              scheduler.sleep(0)
            end
            process.start { command = "sleep 1000" } -- ends with its state
          end)
        ]=]):format(package.path, package.cpath, FOLDER, number, number, number))
      end
      for _, one in ipairs(threads) do
        local why = one:join()
        assert(not why, why)
      end
    ]]
  end)

  -- A thread remembers the loop that it has used last, by the address of the state: the next state
  -- on it may have the same address, while the loop was freed.
  it("can have one state after another on a thread, each with a loop of its own", function()
    run [[
      local text = ([=[
        package.path, package.cpath = %q, %q
        local scheduler = require "watchbot.scheduler"
        assert(scheduler.alive() == 0, scheduler.alive())
        late = setmetatable({}, { __gc = function() scheduler.now() end })
        scheduler.run(function()
          for _ = 1, 10 do scheduler.spawn(scheduler.sleep, 1000) end
          scheduler.sleep(0)
          assert(scheduler.alive() == 11, scheduler.alive())
        end)
      ]=]):format(package.path, package.cpath)
      for round = 1, 30 do
        -- The state has the address of the one before, but its loop has not.
        local why = state(("ballast = ('x'):rep(%d)"):format(round * 5000) .. text)
        assert(not why, why)
        if round % 3 == 0 then assert(scheduler.alive() == 0) end
      end
    ]]
  end)

  -- Finalizers that are older than the loop run after it was closed: a sleep in one kept a core
  -- busy, for epoll was gone.
  it("is told by a finalizer that comes too late", function()
    assert.are.equal("false\tfalse\n", (run [[
      do
        local why = thread(([=[
          package.path, package.cpath = %q, %q
          late = setmetatable({}, { __gc = function()
            local scheduler, log = require "watchbot.scheduler", require "watchbot.log"
            local slept, why = pcall(scheduler.run, function() scheduler.sleep(0.1) end)
            io.write(tostring(slept), "\t", tostring(pcall(log.open, 1)), "\n")
            assert(slept or why:match "being closed", why)
          end })
          require "watchbot.log"
        ]=]):format(package.path, package.cpath)):join()
        assert(not why, why)
      end
    ]]))
  end)

  it("can have a state in another, and close the one while the other works", function()
    run [[
      local process = require "watchbot.process"
      scheduler.run(function()
        local child <close> = assert(process.start {
          command = "read line; exit 3", stdin = "go\n" })
        local why = thread(([=[
          package.path, package.cpath = %q, %q
          local scheduler, process = require "watchbot.scheduler", require "watchbot.process"
          scheduler.run(function() assert(process.start { command = "sleep 1000" }) end)
        ]=]):format(package.path, package.cpath)):join()
        assert(not why, why)
        assert(assert(child:wait(60)).code == 3)
      end)
    ]]
  end)
end)
