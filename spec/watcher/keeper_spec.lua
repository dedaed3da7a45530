-- What a watcher does in its queue's file besides its jobs: it notices cancelled ones, records that
-- it is alive, and removes rows that are too old.

local cancels = require "watchbot.queue.sqlite.cancels"
local history = require "watchbot.queue.sqlite.history"
local jobs = require "watchbot.queue.sqlite.jobs"
local open = require "watchbot.queue".open
local workshop = require "support.workshop"

local task = workshop.task

local function start(folder, fields)
  folder:write("policy.lua", ([[return require "watchbot".policy {
    queue = "sqlite:jobs.db", kill_grace = 30, %s }]]):format(fields))
  return workshop.start(folder, { "run", "policy.lua" })
end

local function stop(child)
  child:kill "TERM"
  return assert(child:wait(workshop.PATIENCE))
end

local function state_of(queue, id)
  local one = assert(jobs.show(queue, id))
  return one and one.state
end

local function until_state(queue, id, state)
  workshop.eventually(function() return state_of(queue, id) == state end, id .. " " .. state)
end

local RUNNERS = {
  ["a process"] = [[command = "trap 'echo terminated; exit 0' TERM; echo begun; sleep 300 & wait"]],
  ["a handler"] = [[handler = function() require "watchbot.scheduler".sleep(300) end]],
}

describe("a watcher", function()
  for name, runner in pairs(RUNNERS) do
    it("stops " .. name .. " whose message was cancelled, and removes it", task(function(folder)
      local queue <close> = assert(open(folder:url()))
      local id = assert(queue:send { { body = "long" } })[1].id
      local child = start(folder, "history = 3600, " .. runner)
      workshop.eventually(function() return child:output():find '"receives":1' end, "it runs")
      assert.are.equal("running", state_of(queue, id))
      assert.are.equal("asked", cancels.cancel(queue, id))
      until_state(queue, id, "failed")
      local one = assert(jobs.show(queue, id))
      assert.are.same({ 1, "cancelled", "cancelled while it ran" },
        { #one.attempts, one.attempts[1].outcome, one.attempts[1].reason })
      assert.are.equal(0, assert(queue:traffic()).there)
      workshop.eventually(function() return not next(assert(cancels.asked(queue.reader))) end,
        "the request is forgotten")
      stop(child)
      local log = child:output()
      assert.matches('"outcome":"cancelled"', log)
      assert.matches('"cancelled":1', log)
      assert.is_nil(log:find '"outcome":"retry"')
    end))
  end

  -- Cancelling works without a history, too; a job that waits for a slot never runs.
  it("does not start a job that was cancelled while it waited", task(function(folder)
    local queue <close> = assert(open(folder:url()))
    local sent = assert(queue:send { { body = "first", group = "g" }, { body = "second" } })
    local child = start(folder, [[workers = 1, prefetch = 0,
      command = "while [ ! -e go ]; do sleep 0.05; done; echo ran $Message"]])
    workshop.eventually(function() return child:output():find '"receives":1' end, "it runs")
    assert.are.equal("cancelled", cancels.cancel(queue, sent[2].id))
    folder:write("go", "")
    workshop.eventually(function() return assert(queue:traffic()).there == 0 end, "all are done")
    stop(child)
    assert.is_nil(child:output():find "ran second")
    assert.matches("ran first", child:output())
  end))

  -- Only watchers with a history were known, so that a queue looked deserted without one.
  it("is known while it is alive, with the version of its policy", task(function(folder)
    local queue <close> = assert(open(folder:url()))
    local first = start(folder, [[history = 3600, workers = 3, command = "true"]])
    local second = start(folder, [[version = "2.0", workers = 3, command = "true"]])
    workshop.eventually(function() return #assert(jobs.watchers(queue)) == 2 end, "both are known")
    local one = assert(jobs.watchers(queue))[1]
    assert.are.same({ 3, 0 }, { one.workers, one.running })
    assert.are.equal(require "watchbot.version", one.version)
    stop(first)
    workshop.eventually(function() return #assert(jobs.watchers(queue)) == 1 end, "one has gone")
    local policy = assert(jobs.watchers(queue))[1].policy
    workshop.eventually(function()
      return second:output():find('"policy":"' .. policy .. '"', 1, true)
    end, "the same version in the log")
    assert.matches("^2%.0@%x+$", policy)
    -- A policy that was reloaded shows which watchers have it.
    folder:write("policy.lua", (folder:read "policy.lua":gsub("2%.0", "2.1")))
    second:kill "HUP"
    workshop.eventually(function()
      return (assert(jobs.watchers(queue))[1].policy or ""):find "^2%.1@"
    end, "the new version")
    stop(second)
    assert.are.same({}, assert(jobs.watchers(queue)))
  end))

  it("leaves no trace of itself without a history", task(function(folder)
    local queue <close> = assert(open(folder:url()))
    local child = start(folder, [[command = "true"]])
    assert(queue:send { { body = "one" } })
    workshop.eventually(function() return assert(queue:traffic()).there == 0 end, "it is done")
    stop(child)
    for _, name in ipairs { "watchers", "attempts", "cancels" } do
      assert.are.equal(0, assert(queue.reader:first("SELECT count(*) AS n FROM " .. name)).n)
    end
  end))

  -- A watcher that is idle for a week must not keep what it has promised to remove.
  it("removes what is too old while there are no jobs", task(function(folder)
    local queue <close> = assert(open(folder:url()))
    assert(queue.settling:submit(function(transaction, now)
      history.set(transaction, { seconds = 3600, rows = 1000 })
      transaction.database.added = -1000
      local old = {}
      for index = 1, 250 do
        old[index] = { id = "old-" .. index, receives = 1, outcome = "retry" }
      end
      history.add(transaction, now - 7200000, old)
      return true
    end, true))
    assert.are.equal(250, assert(queue.reader:first "SELECT attempts FROM state").attempts)
    local watcher = { queue = queue, jobs = { slots = 0 }, hooks = { policy = {} } }
    require "watchbot.watcher.keeper".new(watcher):prune()
    assert.are.equal(0, assert(queue.reader:first "SELECT count(*) AS n FROM attempts").n)
  end))
end)
