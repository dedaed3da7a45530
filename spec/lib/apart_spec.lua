-- Handlers share a Lua state with the watcher: what one does to it harms no other message.

local workshop = require "support.workshop"

local task, run, send = workshop.task, workshop.run, workshop.send

local POLICY = [[
local watchbot = require "watchbot"
local function damage(...)
  %s
end
local policy = watchbot.policy {
  queue = "sqlite:jobs.db", workers = 1, kill_grace = 1, max_receives = 3,
  handler = function(job)
    if job.message == "damage" then return damage(job) end
    if job.message == "fails" then return nil, "as it should" end
    if job.message == "reject" then return "reject" end
  end }
function policy:backoff() return 0 end
%s
return policy
]]

-- Runs "damage" and, in the same watcher, jobs that end in every way; => the log
local function log_after(folder, damage, hooks)
  folder:write("policy.lua", POLICY:format(damage, hooks or ""))
  send(folder, { "damage", "good", "reject", "fails", "good" })
  local exit, out, err = run(folder, { "run", "--drain", "policy.lua" })
  assert.are.equal(0, exit.code, damage .. out .. err)
  return out
end

local function counts(folder)
  local queue <close> = assert(require "watchbot.queue".open(folder:url()))
  local found = assert(queue:counts())
  return { found.visible + found.delayed + found.in_flight, found.dead }
end

describe("a handler that damages what all Lua code shares", function()
  local damages = {
    -- The watcher's own log line raised, which ended the watcher.
    "string.format = nil string.rep = nil string.sub = nil string.find = nil string.byte = nil",
    "table.insert = nil table.concat = nil table.unpack = nil table.remove = nil table.pack = nil",
    "math.min = nil math.max = nil math.floor = nil math.random = nil math.tointeger = nil",
    "getmetatable('').__index = nil",
    "getmetatable('').__index = function() error 'no methods' end",
    "setmetatable(string, { __index = error, __newindex = error })",
    "_G.error = nil _G.pcall = nil _G.xpcall = nil _G.assert = nil",
    "_G.type = nil _G.tostring = nil _G.setmetatable = nil _G.select = nil _G.next = nil",
    "_G.pairs = function() return next, {} end _G.ipairs = pairs",
    "_G.string = nil _G.table = nil _G.math = nil _G.os = nil _G.io = nil _G.debug = nil",
    "for name in pairs(_G) do _G[name] = nil end",
    "setmetatable(_G, { __index = error, __newindex = error })",
    "_G.require = nil _G.package = nil",
    "package.loaded = {} package.path = nil package.searchers = {} package.preload = nil",
    "for name in pairs(package.loaded) do package.loaded[name] = nil end",
    "coroutine.yield = nil coroutine.create = nil coroutine.running = nil",
    "os.time = nil os.getenv = nil utf8.len = nil debug.traceback = nil",
    "for _, name in ipairs { 'scheduler', 'queue', 'log', 'policy' } do\n"
      .. "local module = require('watchbot.' .. name)\n"
      .. "for key in pairs(module) do module[key] = nil end end",
    "local core = require 'watchbot.core'\n"
      .. "for _, part in pairs(core) do for key in pairs(part) do part[key] = nil end end",
    "local job = require 'watchbot.message.job' for key in pairs(job) do job[key] = 1 end",
    "io.stdout:close()", "getmetatable(io.stdout).__index = nil",
  }

  for index, damage in ipairs(damages) do
    it("harms no other message: " .. damage:sub(1, 60):gsub("\n", " "), task(function(folder)
      local out = log_after(folder, damage)
      assert.matches('"complete":%d,"reject":1,"release":0,"retry":%d', out)
      assert.matches("as it should", out)
      local left = counts(folder)
      assert.are.equal(0, left[1], index .. out)
      assert.is_true(left[2] >= 1, out)
      assert.is_nil(out:find('"where":"watcher"', 1, true), out)
    end))
  end
end)

describe("a handler that ends its own task", function()
  -- The task is also that of its job's owner: its slot was lost, its message in flight forever.
  for code, complete in pairs {
    ["scheduler.running():abort 'enough'"] = 2,
    ["scheduler.running():abort() pcall(scheduler.sleep, 0) while true do end"] = 2,
    ["local own = scheduler.running() scheduler.spawn(function() own:abort 'enough' end) "
      .. "scheduler.sleep(60)"] = 2,
    ["scheduler.running():expire 'enough'"] = 2,
    -- What is left of it when the handler has returned must not hit what the watcher does next.
    ["scheduler.running():cancel 'enough'"] = 3,
    ["scheduler.running():cancel 'enough' scheduler.sleep(0)"] = 2,
    ["scheduler.leap(true)"] = 2,
  } do
    it("ends only what it does itself: " .. code, task(function(folder)
      local out = log_after(folder, "local scheduler = watchbot.scheduler " .. code)
      assert.matches(('"complete":%d,"reject":1,"release":0,"retry":%%d'):format(complete), out)
      assert.are.equal(0, counts(folder)[1], out)
      assert.is_nil(out:find('"where":"watcher"', 1, true), out)
    end))
  end

  -- The next job ran in the task whose handle was kept: it stayed in flight forever, and `--drain`
  -- did not end. Each way in which a policy's function can be called.
  for _, hook in ipairs { "admit", "environment", "verdict", "backoff" } do
    for _, method in ipairs { "cancel", "abort", "expire" } do
      it(("or that of another job, by a handle kept in the hook '%s': %s"):format(hook, method),
        task(function(folder)
          local out = log_after(folder, [[
            kept = kept or {}
            watchbot.scheduler.spawn(function()
              while true do
                for _, one in ipairs(kept) do one:]] .. method .. [[ "late" end
                watchbot.scheduler.sleep(0)
              end
            end)]], ([[
            local before = policy.%s
            function policy:%s(...)
              kept = kept or {}
              kept[#kept + 1] = watchbot.scheduler.running()
              return before(self, ...)
            end]]):format(hook, hook))
          assert.matches('"complete":%d,"reject":1,"release":0,"retry":%d', out)
          assert.are.equal(0, counts(folder)[1], out)
          assert.is_nil(out:find('"where":"watcher"', 1, true), out)
        end))
    end
  end

  it("may end tasks that it has started", task(function(folder)
    local out = log_after(folder, [[
      local scheduler = watchbot.scheduler
      local first, second = scheduler.spawn(scheduler.sleep, 60), scheduler.spawn(function()
        while true do pcall(scheduler.sleep, 60) end
      end)
      scheduler.sleep(0)
      first:cancel "one"
      second:abort "two"
      assert(select(2, first:join(10)) == "one" and select(2, second:join(10)) == "two")
    ]])
    assert.matches('"complete":3,"reject":1', out)
  end))
end)

describe("a policy's own Lua", function()
  -- A library that gives all strings a method is one of the oldest ways of Lua.
  it("may extend strings and libraries, and require watchbot's modules", task(function(folder)
    local out = log_after(folder, [[
      function string.twice(text) return text .. text end
      getmetatable("").__mod = function(text, values) return text:format(table.unpack(values)) end
      assert(("ab"):twice() == "abab")
      assert("%d-%s" % { 7, "x" } == "7-x")
      assert(getmetatable("").__index == string and getmetatable("").__name == nil)
      local before = getmetatable("").__index
      getmetatable("").__index = function(text, key)
        if type(key) == "number" then return text:sub(key, key) end
        return before[key]
      end
      assert(("abc")[2] == "b" and ("abc"):upper() == "ABC" and ("x"):twice() == "xx")
      getmetatable("").__index = { shout = function(text) return text:upper() .. "!" end }
      assert(("a"):shout() == "A!" and ("a"):rep(2) == "aa")
      local scheduler = require "watchbot.scheduler"
      assert(scheduler == watchbot.scheduler and scheduler.running())
      scheduler.sleep(0)
      require "watchbot".log "said"
    ]])
    assert.matches('"complete":3,"reject":1', out)
    assert.matches("%[worker%] %[%S+%] said", out)
  end))
end)

describe("a handler or a hook that damages its job", function()
  local damages = {
    -- The log line of the outcome, the notification and the backoff were made of what it had left.
    "job.id = nil", "job.id = {}", "job.receives = nil job.last = nil job.deliveries = nil",
    "job.receives = 0/0", "job.message = nil job.subject = {} job.attributes = 7",
    "job.sent = 'now' job.group = 1 job.first_received = {}",
    "for key in pairs(job) do job[key] = nil end", "setmetatable(job, nil)",
    "setmetatable(job, { __index = error })", "getmetatable(job).variables = nil",
    "job.variables = 7 job.mend = error",
  }

  for _, damage in ipairs(damages) do
    it("loses nothing: " .. damage, task(function(folder)
      local out = log_after(folder, "local job = ... " .. damage .. " return nil, 'and fails'",
        "function policy:admit(job)\n" .. "pcall(function() " .. damage .. " end) return true end")
      assert.matches('"complete":2,"reject":1,"release":0,"retry":%d', out)
      assert.are.same({ 0, 2 }, counts(folder), out)
      assert.is_nil(out:find("InternalError", 1, true), out)
      assert.is_nil(out:find('"where":"watcher"', 1, true), out)
    end))
  end

  -- A hook that set `exit.duration` to text sent a message that was done back to the queue.
  it("changes nothing of how the task has ended", task(function(folder)
    local out = log_after(folder, "", [[
      function policy:verdict(job, exit)
        local outcome = watchbot.policy.verdict(self, job, exit)
        for name in pairs(exit) do exit[name] = {} end
        exit.duration, exit.code, exit.blameless, exit.note = "long", nil, {}, 7
        if outcome == "reject" then exit.reason = "in other words" end
        setmetatable(exit, { __index = error, __pairs = error })
        return outcome
      end
      function policy:notify(job, outcome, exit)
        if outcome == "reject" then print("noted", exit.note, exit.reason, exit.code) end
        return true
      end
    ]])
    assert.matches('"complete":3,"reject":1', out)
    assert.matches("noted\t7\tin other words\t3", out)
  end))

  -- An outcome that was misspelt in `exits` after the policy was loaded deleted its message.
  it("deletes nothing for an outcome that is none", task(function(folder)
    local out = log_after(folder, "exits[1] = 'deleet' exits[0] = {}",
      "exits = { [7] = 'release' } policy.exits = exits")
    assert.matches('"complete":0,"reject":1', out:match '"event":"stopped".*')
    assert.are.same({ 0, 4 }, counts(folder), out)
  end))
end)
