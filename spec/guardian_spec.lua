-- What is left of the tasks when the watcher is gone silently.

local host = require "support.host"
local scheduler = require "watchbot.scheduler"

local function task(body)
  return function() scheduler.run(body) end
end

-- A program with a task that ignores TERM and has grandchildren, one of them reparented; it says
-- all their ids.
local PROGRAM = [[
io.stdout:setvbuf "no"
scheduler.run(function()
  local command = "trap '' TERM HUP; (sleep 987 & echo $!); sleep 987 & echo $! $$; wait"
  tasks = {}
  for index = 1, 2 do tasks[index] = process.start { command = command, output = "inherit" } end
  %s
  scheduler.sleep(987)
end)]]

local IDS = 6

-- The ids that the program has said, once all are there.
local function ids_of(child, count)
  return host.eventually(function()
    local ids = {}
    for id in child:output():gmatch "%d+" do ids[#ids + 1] = tonumber(id) end
    return #ids == count and ids
  end, "the tasks are up")
end

local function are_gone(ids)
  host.eventually(function()
    for _, id in ipairs(ids) do
      if host.is_alive(id) then return false end
    end
    return true
  end, "all of them are gone")
end

local function start(more)
  return host.start(PROGRAM:format(more or ""))
end

describe("the guardian", function()
  it("kills every group that is left after kill -9 of the host, at once", task(function()
    local child, file = start()
    local ids = ids_of(child, IDS)
    for _, id in ipairs(ids) do assert.is_true(host.is_alive(id)) end
    -- Its group would be killed by us when its end is seen: only the guardian may do it here.
    os.execute("kill -9 " .. child:pid())
    are_gone(ids)
    child:close()
    file:close()
  end))

  it("goes away with the host", task(function()
    local child, file = start()
    local ids = ids_of(child, IDS)
    local guardian = host.guardian(child:pid())
    assert.is_true(host.is_alive(guardian))
    os.execute("kill -9 " .. child:pid())
    are_gone { guardian, table.unpack(ids) }
    child:close()
    file:close()
  end))

  it("goes away when the host closes its Lua state", task(function()
    local stdout = host.run [[scheduler.run(function()
      process.start({ argv = { "true" } }):wait()
      local pipe <close> = io.popen
        "grep -ls watchbot-guard $(grep -ls ^PPid:.$PPID$ /proc/[0-9]*/status)"
      print(pipe:read "a":match "%d+")
    end)]]
    local guardian = assert(tonumber(stdout), "there was none")
    assert.is_false(host.is_alive(guardian))
  end))

  it("leaves alone what has ended", task(function()
    -- The bit of a group that is gone must not be left: its id may be in use again by then.
    local child, file = start [[
      local ended = {}
      for index = 1, 50 do ended[index] = process.start { argv = { "true" } } end
      for index = 1, 25 do ended[index]:close() end
      for index = 26, 50 do ended[index]:wait() end
      process.start { argv = { "./rendr" } }
      scheduler.sleep(0.2)
      print(0)]]
    ids_of(child, IDS + 1)
    local guardian = host.guardian(child:pid())
    local bits = 0
    local maps <close> = io.open(("/proc/%d/maps"):format(guardian))
    local memory <close> = io.open(("/proc/%d/mem"):format(guardian), "rb")
    if not memory then return pending "the memory of another process cannot be read here" end
    for line in maps:lines() do
      local from, to = line:match "^(%x+)%-(%x+) rw%-s .*/dev/zero"
      if from then
        memory:seek("set", tonumber(from, 16))
        for byte in memory:read(tonumber(to, 16) - tonumber(from, 16)):gmatch "[^\0]" do
          for bit = 0, 7 do bits = bits + (byte:byte() >> bit & 1) end
        end
      end
    end
    assert.are.equal(2, bits) -- of the two tasks that run
    child:close()
    file:close()
  end))

  it("is started again when somebody has killed it, and knows who lives", task(function()
    local child, file = start [[
      while true do
        scheduler.sleep(0.01)
        process.start({ argv = { "true" } }):wait()
      end]]
    local ids = ids_of(child, IDS)
    local first = host.eventually(function() return host.guardian(child:pid()) end, "it is there")
    os.execute("kill -9 " .. first)
    local second = host.eventually(function()
      local guardian = host.guardian(child:pid())
      return guardian ~= first and guardian
    end, "another is there")
    os.execute("kill -9 " .. child:pid())
    are_gone { second, table.unpack(ids) }
    child:close()
    file:close()
  end))

  it("ignores what ends a program politely, and leaves the host's session", task(function()
    local child, file = start()
    ids_of(child, IDS)
    local guardian = host.guardian(child:pid())
    os.execute(("kill -TERM %d; kill -INT %d; kill -HUP %d"):format(guardian, guardian, guardian))
    scheduler.sleep(0.05)
    assert.is_true(host.is_alive(guardian))
    assert.are.equal(tostring(guardian), host.stat(guardian, 6))
    child:close()
    file:close()
  end))

  it("is no child that a wait() of the host's sees, and sends it no SIGCHLD", task(function()
    local child, file = start()
    ids_of(child, IDS)
    assert.are.equal("0", host.stat(host.guardian(child:pid()), 38)) -- exit_signal
    child:close()
    file:close()
  end))

  it("holds nothing of the host's open", task(function()
    local child, file = start()
    ids_of(child, IDS)
    local pipe <close> = io.popen(("readlink /proc/%d/fd/*; readlink /proc/%d/cwd")
      :format(host.guardian(child:pid()), host.guardian(child:pid())))
    local links = pipe:read "a":gsub("%d+", "N")
    assert.are.equal("pipe:[N]\nanon_inode:[pidfd]\n/\n",
      (links:gsub("^(anon[^\n]*\n)(pipe[^\n]*\n)", "%2%1")
      :gsub("pidfd:%[N%]", "anon_inode:[pidfd]")))
    child:close()
    file:close()
  end))

  it("is one for each Lua state, and none before the first process", task(function()
    local stdout = host.run [[
      local function count()
        local pipe <close> = io.popen("grep -lsx ^PPid:.$PPID$ /proc/[0-9]*/status"
          .. " | xargs -r grep -ls watchbot-guard | wc -l")
        return tonumber(pipe:read "a")
      end
      scheduler.run(function()
        print(count())
        for _ = 1, 5 do process.start({ argv = { "true" } }):wait() end
        print(count())
      end)]]
    assert.are.equal("0\n1\n", stdout)
  end))
end)
