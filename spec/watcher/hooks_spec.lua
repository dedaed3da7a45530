-- Every hook of a policy, overridden; and every hook, throwing: no message is lost and the watcher
-- goes on.

local cjson = require "cjson"
local workshop = require "support.workshop"

local task, run, send = workshop.task, workshop.run, workshop.send

local HEAD = [[
local watchbot = require "watchbot"
local scheduler = require "watchbot.scheduler"
local function note(...)
  local words = { ... }
  for index, word in ipairs(words) do words[index] = tostring(word) end
  local file <close> = io.open("notes", "a")
  file:write(table.concat(words, " "), "\n")
end
local policy = watchbot.policy { queue = %q, max_receives = 3, %s }
function policy:backoff() return 0 end
]]

local function policy(folder, fields, hooks)
  folder:write("policy.lua", HEAD:format(folder:url(), fields) .. hooks .. "\nreturn policy\n")
end

local function drain(folder)
  local exit, log = run(folder, { "run", "--drain", "policy.lua" })
  assert.are.equal(0, exit.code, log)
  return log
end

describe("a policy's hook", function()
  it("poll decides how many are asked for", task(function(folder)
    send(folder, { "1", "2", "3" })
    policy(folder, "workers = 8, command = 'true',", [[
      function policy:poll(state)
        local count, wait = watchbot.policy.poll(self, state)
        note("free", state.free, count > 1 and wait > 1)
        return 1, 0
      end]])
    drain(folder)
    assert.matches("^free %d+ true", folder:read "notes")
  end))

  it("admit can hold a job, and give another outcome", task(function(folder)
    send(folder, { "hold", "reject", "run" })
    policy(folder, "command = 'echo ran $Message >> notes',", [[
      local held = 0
      function policy:admit(job)
        if job.message == "reject" then return "reject" end
        if job.message == "hold" and held < 3 then
          held = held + 1
          note("held")
          return "hold", 0.01
        end
        return watchbot.policy.admit(self, job)
      end]])
    drain(folder)
    local notes = folder:lines "notes"
    table.sort(notes)
    assert.are.same({ "held", "held", "held", "ran hold", "ran run" }, notes)
  end))

  it("environment adds variables", task(function(folder)
    send(folder, { "tile" })
    policy(folder, "command = 'echo $Message $Zoom >> notes',", [[
      function policy:environment(job)
        local variables = watchbot.policy.environment(self, job)
        variables.Zoom = "7"
        return variables
      end]])
    drain(folder)
    assert.are.equal("tile 7\n", folder:read "notes")
  end))

  it("verdict and backoff decide what becomes of the message", task(function(folder)
    send(folder, { "9" })
    policy(folder, "command = 'exit $Message',", [[
      function policy:verdict(job, exit)
        note("verdict", exit.code, job.receives)
        if job.receives == 1 then return "release", 0 end
        if job.receives == 2 then return watchbot.policy.verdict(self, job, exit) end
        return "complete"
      end
      function policy:backoff(job)
        note("backoff", job.receives, watchbot.policy.backoff(self, job))
        return 0
      end]])
    drain(folder)
    assert.are.same({ "verdict 9 1", "verdict 9 2", "backoff 2 4", "verdict 9 3" }, (function()
      local lines = folder:lines "notes"
      for index, line in ipairs(lines) do lines[index] = line:gsub("%.0", "") end
      return lines
    end)())
  end))

  it("notify is told of rejects and retries, with a notification to send", task(function(folder)
    send(folder, { "3", "1", "0", "4" })
    policy(folder,
      "command = 'echo working; [ $ApproximateReceiveCount -ge 2 ] || exit $Message',", [[
      function policy:notification(job, outcome, exit)
        local subject, body = watchbot.policy.notification(self, job, outcome, exit)
        return "[mine] " .. subject, body
      end
      function policy:notify(job, outcome, exit)
        local subject, body = self:notification(job, outcome, exit)
        note(outcome, job.message, subject, body:match "working" or "no logs")
      end]])
    drain(folder)
    local notes = folder:lines "notes"
    table.sort(notes)
    assert.are.equal(2, #notes)
    assert.matches("^reject 3 %[mine%] .* working$", notes[1])
    assert.matches("^retry 1 %[mine%] .* working$", notes[2])
  end))

  it("start and stop frame it all, and may wait", task(function(folder)
    send(folder, { "1" })
    policy(folder, "handler = function(job) note('job', job.message) end,", [[
      function policy:start() scheduler.sleep(0.01) note "start" end
      function policy:stop() scheduler.sleep(0.01) note "stop" end]])
    drain(folder)
    assert.are.same({ "start", "job 1", "stop" }, folder:lines "notes")
  end))

  it("failed hears of what throws", task(function(folder)
    send(folder, { "1" })
    policy(folder, "command = 'true',", [[
      function policy:admit() error "no admission" end
      function policy:failed(err, where) note(where, (err:match "no admission")) end]])
    drain(folder)
    assert.are.equal("admit no admission", folder:lines("notes")[1])
  end))

  for _, hook in ipairs { "poll", "admit", "environment", "verdict", "backoff", "notify",
  "notification", "start", "stop",
    "failed" } do
    it(hook .. " may throw: logged with a traceback, nothing lost", task(function(folder)
      send(folder, { "1", "2" })
      policy(folder, "command = 'echo $Message >> done; [ $Message = 1 ]',", ([[
        function policy:%s() local nothing; return nothing.field end]]):format(hook))
      local log = drain(folder)
      if hook ~= "notification" and hook ~= "failed" then
        assert.matches("attempt to index a nil value %(local 'nothing'%)", log)
        assert.matches("stack traceback", log)
      end
      -- What could not be judged was tried max_receives times and is among the dead letters; the
      -- rest is done.
      local _, listed = run(folder, { "dead-letter", "list", "--json", "--queue", folder:url() })
      local dead = {}
      for line in listed:gmatch "[^\n]+" do dead[cjson.decode(line).message] = true end
      local judged = hook ~= "admit" and hook ~= "environment" and hook ~= "verdict"
      assert.are.same(judged and { ["2"] = true } or { ["1"] = true, ["2"] = true }, dead)
    end))
  end
end)

describe("a Lua handler", function()
  local function outcome(folder, handler, fields)
    send(folder, { "hello" })
    policy(folder, (fields or "") .. "handler = " .. handler, "")
    local log = drain(folder)
    return log:match '"outcome":"(%a+)"', log
  end

  it("completes with nothing or true", task(function(folder)
    assert.are.equal("complete",
      (outcome(folder, "function(job) assert(job.message == 'hello') end")))
    assert.are.equal("complete", (outcome(folder, "function() return true end")))
  end))

  it("fails with false and a reason, an exit code, or an error", task(function(folder)
    local verdict, log = outcome(folder, "function() return false, 'no tile' end")
    assert.are.equal("retry", verdict)
    assert.matches('"reason":"no tile"', log)
    assert.are.equal("reject", (outcome(folder, "function() return 3 end")))
    verdict, log = outcome(folder, "function() local t; return t.x end")
    assert.are.equal("retry", verdict)
    assert.matches("policy.lua:%d+: attempt to index a nil value", log)
    assert.matches("stack traceback", log)
  end))

  it("names an outcome", task(function(folder)
    assert.are.equal("reject", (outcome(folder, "function() return 'reject' end")))
    local verdict, log = outcome(folder, "function() return 'rejekt' end")
    assert.are.equal("retry", verdict)
    assert.matches("'rejekt', which is neither", log)
  end))

  it("that waits too long is ended by its timeout", task(function(folder)
    local verdict, log = outcome(folder, "function() scheduler.sleep(3600) end", "timeout = 0.1,")
    assert.are.equal("retry", verdict)
    assert.matches('"reason":"timed out after 0.1 s', log)
  end))

  it("that computes too long is ended by its timeout, and said to have held up the others",
    task(function(folder)
    local verdict, log = outcome(folder, "function() while true do end end", "timeout = 0.2,")
    assert.are.equal("retry", verdict)
    assert.matches('"reason":"timed out after 0.2 s', log)
    assert.are.equal(1, select(2, log:gsub("without waiting", "")))
  end))
end)
