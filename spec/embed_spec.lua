local shell = require "support.shell"

local SANITIZE = shell.build == "build/sanitize" and "-fsanitize=address,undefined" or ""

local folder

-- As include/watchbot.h says.
local function build(source, name)
  local out, code = shell.run(([[
    cc %s -Wall -Wextra -Werror -Iinclude -o %s/%s %s %s/libwatchbot.a \
    $(pkg-config --cflags --libs lua5.4 openssl sqlite3) -lm -ldl 2>&1]])
    :format(SANITIZE, folder, name, source,
    shell.build))
  assert.are.equal(0, code, out)
end

local function send(...)
  local messages = table.concat({ ... }, "\n")
  local out, code = shell.run(("printf '%%s\\n' %s | %s/watchbot send --queue sqlite:%s/jobs.db "
    .. "2>&1"):format(
    shell.quote(messages), shell.build, folder))
  assert.are.equal(0, code, out)
end

local function policy(fields, rest)
  local path = folder .. "/policy.lua"
  shell.write(path, ([[
    local watchbot = require "watchbot"
    local policy = watchbot.policy {
      queue = "sqlite:%s/jobs.db",
      %s
    }
    %s
    return policy
  ]]):format(folder, fields, rest or ""))
  return path
end

-- What a host prints, line by line; its log lines, which it writes to stdout too, are left out.
local function run(program, ...)
  local words = { ... }
  for index, word in ipairs(words) do words[index] = shell.quote(word) end
  local out, code = shell.run(("timeout 60 %s/%s %s 2>&1"):format(folder, program,
    table.concat(words, " ")))
  assert.are.equal(0, code, out)
  local lines = {}
  for line in out:gmatch "[^\n]+" do
    if not line:match "^%[" then lines[#lines + 1] = line end
  end
  return lines, out
end

describe("a C program", function()
  setup(function()
    folder = shell.folder()
    build("doc/examples/host/host.c", "host")
    build("spec/support/embedded.c", "embedded")
  end)
  teardown(function() shell.remove(folder) end)
  before_each(function() os.execute("rm -f " .. shell.quote(folder) .. "/jobs.db*") end)

  it("keeps its child, its signal handler and its Lua stack", function()
    send("one", "two", "three")
    local path = policy("command = 'true',", [[
      local left = 3
      function policy:verdict(job, exit)
        left = left - 1
        if left == 0 then require "watchbot.host".stop() end
        return watchbot.policy.verdict(self, job, exit)
      end
    ]])
    local lines = run("host", path)
    assert.are.same({ "own child: 42, SIGCHLD handler kept, lua stack: 0" }, lines)
  end)

  it("gets errors as text", function()
    shell.write(folder .. "/syntax.lua", "return watchbot.policy {")
    shell.write(folder .. "/other.lua", "return 7")
    shell.write(folder .. "/unknown.lua",
      'return require "watchbot".policy { queue = "sqlite:x.db", worker = 1 }')
    shell.write(folder .. "/throws.lua", "error {}")
    local lines = run("embedded", "errors", folder .. "/missing.lua", folder .. "/syntax.lua",
      folder .. "/other.lua",
      folder .. "/unknown.lua", folder .. "/throws.lua")
    assert.are.equal("one: yes", lines[1])
    assert.are.equal("fresh: ''", lines[2])
    assert.are.equal("step: -1 no policy is loaded: call watchbot_load first", lines[3])
    assert.are.equal("run: -1 no policy is loaded: call watchbot_load first", lines[4])
    assert.matches("^load: %-1 .*missing.lua': no such file or directory$", lines[5])
    assert.matches("^load: %-1 .*syntax.lua:1: unexpected symbol near <eof>", lines[6])
    assert.matches("^load: %-1 .*other.lua: must return watchbot.policy", lines[7])
    assert.matches("unknown.lua:1: unknown policy field 'worker'; did you mean 'workers'%?",
      lines[8])
    assert.matches("^load: %-1 .", lines[9])
    assert.are.equal("stack: 1 the host's, SIGPIPE: default", lines[10])
    assert.are.equal("closed", lines[11])
  end)

  it("runs a watcher until a handler ends it", function()
    send("one", "two", "three")
    local lines = run("embedded", "ends", policy [[
      handler = function(job) if job.message == "three" then require "watchbot.host".stop() end end,
    ]])
    assert.are.same({ "one: yes", "load: 0 ", "run: 0 ", "stack: 1 the host's, SIGPIPE: default",
      "closed" }, lines)
  end)

  -- The interface knew watchers of one queue only, as far as a spec had seen.
  it("runs a watcher of several queues in its own loop", function()
    send("one", "two")
    shell.write(folder .. "/queues.lua", ([[
      local watchbot = require "watchbot"
      local seen = {}
      return watchbot.policy {
        queues = { "sqlite:%s/jobs.db", { "sqlite:%s/second.db", command = "exit 0" } },
        handler = function(job) print(job.queue:match "[^/]+$", job.message) end,
        verdict = function(self, job, exit)
          seen[#seen + 1] = job.queue:match "[^/]+$"
          handled = #seen
          if #seen == 3 then print(table.concat(seen, " "):find "second.db" ~= nil) end
          return watchbot.policy.verdict(self, job, exit)
        end,
      }]]):format(folder, folder))
    local _, code = shell.run(("%s/watchbot send --queue sqlite:%s/second.db three"):format(
      shell.build, folder))
    assert.are.equal(0, code)
    local lines = run("embedded", "stops", folder .. "/queues.lua")
    os.execute("rm -f " .. shell.quote(folder) .. "/second.db*")
    local got = {}
    for _, line in ipairs(lines) do got[line] = true end
    assert.is_true(got["jobs.db\tone"] and got["jobs.db\ttwo"] and got["true"])
    assert.are.same({ "running: 1 ",
      "load: -1 a watcher runs: stop it before another policy is loaded", "stopped: 0 ",
      "stack: 1 the host's, SIGPIPE: default", "closed" },
      table.move(lines, #lines - 4, #lines, 1, {}))
  end)

  it("gets the error of a watcher that cannot start", function()
    shell.write(folder .. "/jobs.db", ("this is not a database"):rep(100))
    local lines = run("embedded", "ends", policy "handler = function() end,")
    assert.matches("^run: %-1 .*jobs.db", lines[3])
    os.remove(folder .. "/jobs.db")
  end)

  it("steps a watcher in its own loop, and stops it", function()
    send("one", "two", "three")
    local lines = run("embedded", "stops",
      policy "handler = function() handled = (handled or 0) + 1 end,")
    assert.are.same({ "one: yes", "running: 1 ",
    "load: -1 a watcher runs: stop it before another policy is loaded",
      "stopped: 0 ", "stack: 1 the host's, SIGPIPE: default", "closed" }, lines)
  end)

  -- A hook or a handler that never ended took the host's thread, for a minute or forever.
  local LOOP = "repeat local ok = pcall(function() while true do end end) until ok == 7"
  for what, code in pairs {
    ["a handler"] = { "handler = function(job) " .. LOOP .. " end," },
    ["a hook"] = { "handler = function() end,", "function policy:admit() " .. LOOP .. " end" },
    ["a coroutine of a hook"] = { "handler = function() end,",
      "function policy:verdict() return coroutine.wrap(function() " .. LOOP .. " end)() end" },
    ["a function that makes a command"] = { "command = function() " .. LOOP .. " end," },
    ["the hook 'stop'"] = { "handler = function() end,",
      "function policy:stop() " .. LOOP .. " end", "ends" },
  } do
    it("interrupts " .. what .. " that never ends, and goes on", function()
      send("endless")
      local hooks = code[2] or ""
      local count = "function policy:backoff() finished = 1 return 0 end\n"
        .. "function policy:failed() finished = 1 end\n"
        .. (code[3] and "finished = 1" or "")
      local lines = run("embedded", "interrupts",
        policy(code[1] .. " drain = 1, kill_grace = 1,", hooks .. "\n" .. count))
      assert.are.same({ "one: yes", "load: 0 ", "finished: 1 ", "stopped: 0 ", "interrupted: yes",
        "stack: 1 the host's, SIGPIPE: default", "closed" }, lines)
    end)
  end

  it("interrupts a policy's top that never ends", function()
    local lines = run("embedded", "interrupts", policy("handler = function() end,", LOOP))
    assert.matches("^load: %-1 .*interrupted", lines[2])
    assert.are.same("closed", lines[#lines])
  end)

  -- The second time the state is closed under a watcher that runs.
  for _, leave in ipairs { "", "leave" } do
    it("closes a watcher in the middle, and no task survives"
      .. (leave == "" and "" or ", also with its Lua state"), function()
      send("one")
      local path = policy("command = { 'sleep', '4242' }, kill_grace = 1, visibility = 2,", [[
        function policy:environment(job)
          started = (started or 0) + 1
          return watchbot.policy.environment(self, job)
        end
      ]])
      local lines = run("embedded", "closes", path, leave)
      assert.are.same({ "one: yes", "started: 1 ",
      "fresh: -1 no policy is loaded: call watchbot_load first", "started: 1 ",
        "stack: 1 the host's, SIGPIPE: default", "closed" }, lines)
      local gone = "for _ in $(seq 200); do pgrep -f '[s]leep 4242' >/dev/null || exit 0; sleep "
        .. "0.05; done; exit 1"
      assert.are.equal(0, select(2, shell.run(gone)))
    end)
  end
end)
