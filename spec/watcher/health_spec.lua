-- The health file: what it says of a watcher, and that it is never written through a link.

local health = require "watchbot.watcher.health"
local readiness = require "watchbot.watcher.readiness"
local scheduler = require "watchbot.scheduler"
local shell = require "support.shell"
local workshop = require "support.workshop"

local task = workshop.task

local function watch(folder, lines)
  folder:write("policy.lua", ([[
local watchbot = require "watchbot"
return watchbot.policy { queue = "sqlite:jobs.db", %s }]]):format(lines or 'command = "true"'))
  return workshop.start(folder, { "run", "--health", "health", "policy.lua" })
end

local function check(folder, ...)
  local exit, out, err = workshop.run(folder, { "health", ... })
  return exit.code, out .. err
end

describe("a health file", function()
  it("says that the watcher lives, and that its queue answers", task(function(folder)
    local child = watch(folder)
    workshop.eventually(function() return check(folder, "--ready", "health") == 0 end,
      "it is ready")
    local status, said = check(folder, "health")
    assert.are.equal(0, status)
    assert.matches("^alive: %d+%.%d s ago\n$", said)
    said = select(2, check(folder, "--ready", "health"))
    assert.matches("\nready: %d+%.%d s ago; the queue answered %d+%.%d s ago\n$", said)
    assert.are.equal("600\n", (shell.run("stat -c %a " .. folder:file "health")))
    child:kill "TERM"
    assert(child:wait(workshop.PATIENCE))
    workshop.eventually(function() return check(folder, "--within", "0.5", "health") == 1 end,
      "it is dead")
    assert.matches("not alive for %d+ s, expected at most 0.1 s",
      select(2, check(folder, "--within", "0.1", "health")))
  end))

  -- The check of a container waited forever for a writer of a named pipe.
  it("is a file, and nothing else is waited for", task(function(folder)
    os.execute(("mkfifo '%s'; mkdir '%s'"):format(folder:file "pipe", folder:file "folder"))
    for _, name in ipairs { "pipe", "folder", "/dev/full" } do
      local status, said = check(folder, name)
      assert.are.equal(1, status)
      assert.matches("is not a health file", said)
    end
  end))

  -- An outage of SQS must not make a container's health check kill the jobs that run.
  it("is alive and not ready while the queue does not answer, or its file is another",
    task(function(folder)
    local child = watch(folder)
    workshop.eventually(function() return check(folder, "--ready", "health") == 0 end,
      "it is ready")
    os.rename(folder:file "jobs.db", folder:file "elsewhere.db")
    workshop.eventually(function() return
      check(folder, "--ready", "--within", "1.5", "health") == 1 end, "not ready")
    assert.are.equal(0, (check(folder, "health")))
    child:kill "TERM"
    assert(child:wait(workshop.PATIENCE))
  end))

  -- An answer's time was that of the file's writing, even when nothing had been asked for hours.
  it("bears the time of the queue's last answer, whatever its own age", task(function(folder)
    local asking, path = { pause = 0, polls = 0 }, folder:file "health"
    local file = health.new(path, readiness.new("https://sqs.eu-west-1.amazonaws.com/1/jobs",
      asking))
    assert(file:write())
    assert.are.equal(math.huge, health.age(path, "answered"))
    assert.are.equal(math.huge, health.age(path, "ready"))
    asking.answered = scheduler.boottime() - 500
    assert(file:write())
    local age = health.age(path, "answered")
    assert.is_true(age > 499 and age < 560, age)
    assert.is_true(health.age(path, "ready") < 60)
    asking.pause = 1
    local before = assert(shell.read(path):match "ready ([%d.]+)")
    scheduler.sleep(0.01)
    assert(file:write())
    assert.are.equal(before, shell.read(path):match "ready ([%d.]+)")
    assert.is_true(health.age(path, "alive") < 60)
  end))

  it("is ready while all workers are busy and nothing is asked", task(function(folder)
    workshop.send(folder, { "one" })
    local child = watch(folder, 'command = "while [ ! -e go ]; do sleep 0.05; done", jobs = 1')
    workshop.eventually(function() return check(folder, "--ready", "health") == 0 end,
      "it is ready")
    scheduler.sleep(2.5)
    workshop.eventually(function()
      return check(folder, "--ready", "--within", "2", "health") == 0
    end, "it is ready still")
    folder:write("go", "")
    assert.are.equal(0, child:wait(workshop.PATIENCE).code)
  end))

  -- `--health /tmp/health`, where another user had made /tmp/health a link to the watcher's policy.
  it("is a plain file of ours: no link, no FIFO, no other file is written", task(function(folder)
    local kept = folder:write("kept", "precious\n")
    for what, make in pairs {
      ["it is a symbolic link"] = "ln -s kept health", ["%(a hard link%)"] = "ln kept health",
      ["no regular file"] = "mkfifo health", ["no health file"] = "cp kept health",
    } do
      shell.run(("cd %s && rm -f health && %s"):format(folder.path, make))
      local child = watch(folder)
      workshop.eventually(function() return child:output():find "watching" end, "it runs")
      child:kill "TERM"
      assert.are.equal(0, child:wait(workshop.PATIENCE).code)
      assert.matches("health' is not written: .*" .. what, (child:output()))
      assert.are.equal("precious\n", shell.read(kept))
    end
    shell.run(("cd %s && rm health && ln -s nowhere health"):format(folder.path))
    local child = watch(folder)
    workshop.eventually(function() return child:output():find "watching" end, "it runs")
    child:kill "TERM"
    assert(child:wait(workshop.PATIENCE))
    assert.is_nil(io.open(folder:file "nowhere"))
  end))

  it("that is missing, empty or something else is told", task(function(folder)
    assert.matches("no watcher has written the health file", select(2, check(folder, "missing")))
    for _, text in ipairs { "", "hello\n", "2026-11-28T03:00:00.000Z\n", ("x"):rep(1 << 20) } do
      folder:write("other", text)
      local status, said = check(folder, "other")
      assert.are.equal(1, status)
      assert.matches("'other' is not a health file of watchbot", said)
    end
    folder:write("old", "2026-11-28T03:00:00.000Z alive 99999999999.000\n")
    assert.are.equal(math.huge, health.age(folder:file "old", "alive"))
    assert.are.equal(2, (check(folder)))
    assert.are.equal(2, (check(folder, "a", "b")))
  end))
end)
