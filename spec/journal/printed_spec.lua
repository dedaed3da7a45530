-- What handlers and hooks print is in the log, with the id of their message.

local cjson = require "cjson"
local printed = require "watchbot.journal.printed"
local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local task = workshop.task

local POLICY = [[
local watchbot = require "watchbot"
print("at", "load")
io.write "half"
local policy = watchbot.policy { queue = "sqlite:jobs.db", log = os.getenv "FORMAT",
  handler = function(job)
    print("print", 2, nil)
    print '{"outcome":"complete","watchbot_sqs_message_id":"another"}'
    io.write("write ", 1, "\nand ")
    require "watchbot.scheduler".sleep(0)
    io.stdout:write("more\n"):write("a tail of ", job.message)
    watchbot.log("log", true)
  end }
function policy:verdict(job) print("verdict on", job.message) return "complete" end
function policy:start() print "start" end
return policy
]]

-- The texts of the worker's lines by message: those of "" have none.
local function lines_of(out, body)
  local texts, id = { [""] = {}, [body] = {} }, nil
  for line in out:gmatch "[^\n]+" do
    local head = cjson.decode(line)
    if head.message == body then id = head.watchbot_sqs_message_id end
    if head.name == "worker" then
      local whose = head.watchbot_sqs_message_id
      table.insert(texts[whose == nil and "" or whose == id and body], head.msg or line)
    end
  end
  return texts
end

local function exists(path)
  local file <close> = io.open(path)
  return file ~= nil
end

describe("what a policy prints", function()
  -- It went past the log: without a date and the message's id, and into the middle of its lines.
  it("is lines of the log, with the id of the message", task(function(folder)
    folder:write("policy.lua", POLICY)
    workshop.send(folder, { "body" })
    local exit, out, err = workshop.run(folder, { "run", "--drain", "policy.lua" },
      { FORMAT = "json" })
    assert.are.equal(0, exit.code, err)
    local texts = lines_of(out, "body")
    assert.are.same({ "at\tload", "half", "start" }, texts[""])
    local forged = table.remove(texts.body, 2)
    assert.are.same({ "print\t2\tnil", "write 1", "and more", "log\ttrue", "a tail of body",
      "verdict on\tbody" }, texts.body)
    assert.is_nil(forged:find('"name":"watcher"', 1, true))
    assert.matches('"task_watchbot_sqs_message_id":"another"', forged)
  end))

  -- What a task printed that a handler or a hook had spawned was of no message.
  it("has the id in the tasks that its code spawns", task(function(folder)
    folder:write("policy.lua", [[
      local scheduler = require "watchbot.scheduler"
      local spawn = scheduler.spawn
      local policy = require "watchbot".policy { queue = "sqlite:jobs.db", log = "json",
        handler = function(job)
          scheduler.spawn(function()
            print "in a task"
            spawn(function() scheduler.sleep(0.3) print "after its message" end)
          end)
          coroutine.wrap(function() print "in a coroutine" end)()
          local beat
          beat = scheduler.every(0.01, function() print "each time" beat:cancel() end)
          pcall(beat.join, beat)
          scheduler.spawn(function() io.write "begun" error { } end):join()
          print "then"
        end }
      function policy:verdict(job)
        scheduler.spawn(print, "from a hook"):join()
        return "complete"
      end
      function policy:start() scheduler.spawn(print, "of none"):join() end
      function policy:stop() scheduler.sleep(0.6) end
      return policy]])
    workshop.send(folder, { "body" })
    local exit, out, err = workshop.run(folder, { "run", "--drain", "policy.lua" })
    assert.are.equal(0, exit.code, err)
    local texts = lines_of(out, "body")
    table.sort(texts.body)
    assert.are.same({ "of none" }, texts[""])
    assert.are.same({ "after its message", "begun", "each time", "from a hook", "in a coroutine",
      "in a task", "then" }, texts.body)
  end))

  -- It went to standard error whole, with what drives a terminal.
  it("is a line of the log where a task fails that its code has spawned", task(function(folder)
    folder:write("policy.lua", [[
      local scheduler = require "watchbot.scheduler"
      return require "watchbot".policy { queue = "sqlite:jobs.db", log = "json",
        handler = function(job)
          scheduler.spawn(function() error("no \27]0;x\7 http://a:b@host/") end)
          scheduler.spawn(function() error { } end)
          scheduler.sleep(0.05)
        end }]])
    workshop.send(folder, { "body" })
    local exit, out, err = workshop.run(folder, { "run", "--drain", "policy.lua" })
    assert.are.equal(0, exit.code, err)
    assert.are.equal("", err)
    assert.matches('"error":"[^"]*no \\u001b%]0;x\\u0007 http://%[hidden%]@host/', out)
    assert.matches('"error":"it raised a table"', out)
  end))

  it("has the head of a line of text", task(function(folder)
    folder:write("policy.lua", POLICY)
    workshop.send(folder, { "body" })
    local _, out = workshop.run(folder, { "run", "--drain", "policy.lua" })
    for line in out:gmatch "[^\n]+" do
      assert.matches("^%[%a%a%a, [^%]]+%] %[w[orkatche]+r%] ", line)
    end
    assert.matches("%[worker%] %[[%x-]+%] verdict on\tbody\n", out)
  end))

  -- A handler that printed to a full pipe stopped heartbeats and signals.
  it("holds nothing up while nobody reads it", task(function(folder)
    folder:write("policy.lua", [[
      local line = ("x"):rep(1 << 20)
      local policy = require "watchbot".policy { queue = "sqlite:jobs.db", workers = 4,
        handler = function(job)
          print(line)
          io.write(line, "\n")
          assert(io.open("done-" .. job.message, "w")):close()
        end }
      function policy:verdict(job, exit) io.stdout:write(line, "\n") return "complete" end
      return policy]])
    local bodies = {}
    for index = 1, 20 do bodies[index] = tostring(index) end
    workshop.send(folder, bodies)
    os.execute(("mkfifo '%s'"):format(folder:file "stuck"))
    local child = assert(process.start {
      command = ("exec 3<>stuck; exec %s run policy.lua >stuck 2>errors"):format(workshop.program),
      cwd = folder.path,
    })
    workshop.eventually(function()
      for index = 1, 20 do
        if not exists(folder:file("done-" .. index)) then return false end
      end
      return true
    end, "all jobs")
    child:kill "TERM"
    local exit = assert(child:wait(workshop.PATIENCE))
    assert.are.equal(0, exit.code)
    assert.matches("%d+ lines of the log were dropped", folder:read "errors")
  end))

  it("is printed where the policy cannot be loaded", task(function(folder)
    folder:write("policy.lua", 'print "before"\nerror "no"')
    local exit, out, err = workshop.run(folder, { "run", "policy.lua" })
    assert.are.equal(2, exit.code)
    assert.are.equal("before\n", out)
    assert.matches("no", err)
  end))
end)

describe("the capture of what is printed", function()
  local taken

  local function capture()
    taken = {}
    local self = printed.capture()
    self:open { write = function(_, _, id, text) taken[#taken + 1] = { id or false, text } end }
    return self
  end

  it("leaves other files alone, and refuses what Lua refuses", function()
    local path = os.tmpname()
    local self = capture()
    local ok, err = pcall(function()
      local file = assert(io.open(path, "w"))
      assert(file:write("to a file", 1) == file)
      io.output(file)
      io.write " by io.write"
      file:close()
      io.output(io.stdout)
      assert(io.write "out\n" == io.stdout)
    end)
    local refused, why = pcall(io.write, {})
    self:close()
    assert.is_true(ok, err)
    assert.is_false(refused)
    assert.matches("bad argument #1 to 'write' %(string expected, got table%)", why)
    assert.are.same({ { false, "out" } }, taken)
    assert.are.equal("to a file1 by io.write", io.open(path):read "a")
    os.remove(path)
  end)

  it("ends", function()
    local before = { print, io.write, getmetatable(io.stdout).__index.write }
    capture():close()
    assert.are.same(before, { print, io.write, getmetatable(io.stdout).__index.write })
  end)

  it("keeps a line without an end within bounds", function()
    local self = capture()
    scheduler.run(function()
      for _ = 1, 300 do io.write(("x"):rep(1000)) end
    end)
    self:close()
    assert.is_true(#taken >= 4)
  end)
end)
