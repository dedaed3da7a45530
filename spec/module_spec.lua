local shell = require "support.shell"

local folder

-- Runs a script in a separate interpreter, as a user's program would, from another folder.
local function run(source, environment)
  shell.write(folder .. "/script.lua", source)
  local out, code = shell.run(("cd %s && %s timeout 60 %s 2>&1"):format(folder, environment or "",
    shell.lua(folder .. "/script.lua")))
  assert.are.equal(0, code, out)
  return out
end

describe("require 'watchbot' from a plain interpreter", function()
  before_each(function() folder = shell.folder() end)
  after_each(function() shell.remove(folder) end)

  it("runs a policy until its queue is empty, and returns", function()
    local out = run [[
      local watchbot = require "watchbot"
      local messages = {}
      local policy = watchbot.policy {
        queue = "sqlite:jobs.db",
        handler = function(job) messages[#messages + 1] = job.message end,
      }
      watchbot.scheduler.run(function()
        local queue <close> = assert(watchbot.queue.open("sqlite:jobs.db", {}))
        for _, message in ipairs { "one", "two", "three" } do
          assert(queue:send { { body = message } }) end
      end)
      assert(watchbot.run(policy, { until_empty = true }))
      table.sort(messages)
      print("done", table.concat(messages, " "))
    ]]
    assert.matches("done\tone three two\n$", out)
  end)

  it("tells what is wrong with a policy's queue instead of running it", function()
    shell.write(folder .. "/jobs.db", ("this is not a database"):rep(100))
    local out = run [[
      local watchbot = require "watchbot"
      local policy = watchbot.policy { queue = "sqlite:jobs.db", command = "true" }
      local ok, err, code = watchbot.run(policy)
      assert(ok == nil and code, err)
      print(err)
      assert(not pcall(watchbot.run, {}))
    ]]
    assert.matches("jobs.db", out)
  end)

  it("runs single modules: scheduler, process, log", function()
    local out = run [[
      local scheduler = require "watchbot.scheduler"
      local process = require "watchbot.process"
      local log = require "watchbot.log"
      local exit = scheduler.run(function()
        local lines <close> = assert(log.open(1))
        local child = assert(process.start {
          argv = { "sh", "-c", "echo from a child; exit 7" }, output = lines, id = "id-1" })
        local exit = child:wait()
        assert(lines:drain(10))
        return exit
      end)
      log("exit", exit.code)
    ]]
    assert.matches("%[worker%] %[id%-1%] from a child\n.-%[worker%] exit\t7\n$", out)
  end)

  it("loads only what is used", function()
    run [[
      local watchbot = require "watchbot"
      assert(watchbot.nothing == nil)
      watchbot.log "x"
      for _, name in ipairs { "policy", "watcher", "queue", "sqlite", "aws" } do
        assert(not package.loaded["watchbot." .. name], name)
      end
      for name in pairs(_G) do
        assert(name ~= "watchbot", "no global is made")
      end
    ]]
  end)

  -- Each time it was loaded it once made a guardian process more.
  it("is the same core when it is loaded again", function()
    run [[
      local core = require "watchbot.core"
      package.loaded["watchbot.core"] = nil
      assert(require "watchbot.core" == core)
    ]]
  end)

  it("leaves the interpreter's children and signals to it", function()
    local out = run [[
      local watchbot = require "watchbot"
      watchbot.scheduler.run(function()
        local own = io.popen("sleep 0.1; exit 3")
        local child = assert(watchbot.process.start { argv = { "true" } })
        assert(child:wait().code == 0)
        print(select(3, own:close()))
      end)
    ]]
    assert.are.equal("3\n", out)
  end)
end)

-- An older interpreter stopped at the first new word of some module: "unexpected symbol near '<'".
describe("require 'watchbot' from an interpreter that is too old", function()
  for _, name in ipairs { "lua5.1", "lua5.2", "lua5.3", "luajit" } do
    it("says so: " .. name, function()
      local found = shell.run("command -v " .. name)
      if found == "" then return pending(name .. " is not here") end
      local out, code = shell.run(("LUA_PATH='%s/lua/?/init.lua' %s -e 'require \"watchbot\"' 2>&1")
        :format(os.getenv "PWD", name))
      assert.are.equal(1, code)
      assert.matches("watchbot needs Lua 5.4, this is Lua", out)
    end)
  end
end)
