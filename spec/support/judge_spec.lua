-- A judge that finds nothing proves nothing: each kind of wrong is shown to it once.

local judge = require "support.judge"

-- A history of one message that was received, run and deleted, with changes.
local function history(changes)
  local made = {
    sent = { { message = "a" } }, faults = {}, dead = {}, queued = {}, grace = 0.5, lease = 5,
    events = {
      { at = 1, kind = "begin", message = "a", run = "1" },
      { at = 2, kind = "end", message = "a", run = "1" },
    },
  }
  for name, value in pairs(changes or {}) do made[name] = value end
  return made
end

local function kinds(changes)
  local found = {}
  for _, one in ipairs(judge.verdict(history(changes))) do found[#found + 1] = one.kind end
  return found
end

local function begin(at, run, message, watcher)
  return { at = at, kind = "begin", message = message or "a", run = run, watcher = watcher }
end

local function done(at, run, message)
  return { at = at, kind = "end", message = message or "a", run = run }
end

describe("the judge", function()
  it("finds nothing where all is well", function()
    assert.are.same({}, kinds())
    assert.are.same({}, kinds { events = {}, queued = { a = true } })
  end)

  it("sees a lost message, and one that was never sent", function()
    assert.are.same({ "lost" }, kinds { events = {} })
    assert.are.same({ "unexplained" }, kinds { sent = {} })
  end)

  it("sees two runs at a time", function()
    assert.are.same({ "overlap" }, kinds {
      events = { begin(1, "1"), begin(1.5, "2"),
      { at = 1.8, kind = "fail", message = "a", run = "1" },
        done(2, "2") },
    })
  end)

  it("sees two runs at a time by the message's lock, where the first was killed", function()
    local events = { begin(1, "1"), begin(3, "2"),
      { at = 3, kind = "overlap", message = "a", run = "2" }, done(4, "2") }
    assert.are.same({ "overlap" },
      kinds { events = events, faults = { { at = 2, kind = "KILL" } } })
    assert.are.same({}, kinds { events = events, faults = { { at = 2, kind = "STOP" } } })
  end)

  -- A task that began while its watcher was ending, and was stopped with it, was taken for stuck.
  it("knows that a task of ECS is only ended by the end of its watcher", function()
    local first = { at = 1, kind = "begin", message = "a", run = "1", watcher = "none" }
    local events = { first, begin(4, "2"), done(5, "2") }
    local function with(fault) return kinds { events = events, faults = { fault } } end
    assert.are.same({}, with { at = 1.2, kind = "TERM is over", watcher = "7" })
    assert.are.same({ "stuck" }, with { at = 1.2, kind = "KILL", watcher = "7" })
    assert.are.same({ "stuck" }, with { at = 0, kind = "TERM", watcher = "7" })
  end)

  -- The last message of a batch began on a watcher that had been suspended, after another watcher
  -- had run and deleted it: the fault is one of the second run's watcher.
  it("lets a watcher that was suspended run what another one has finished", function()
    local events = {
      { at = 1, kind = "begin", message = "a", run = "1", watcher = "w2" },
      { at = 2, kind = "end", message = "a", run = "1", watcher = "w2" },
      { at = 3, kind = "begin", message = "a", run = "2", watcher = "w1" },
      { at = 4, kind = "end", message = "a", run = "2", watcher = "w1" },
    }
    local function verdict(kind, watcher)
      return kinds { events = events, grace = 5, faults = { { at = 0, kind = kind,
        watcher = watcher } } }
    end
    assert.are.same({}, verdict("STOP", "w1"))
    assert.are.same({ "unexplained" }, verdict("KILL", "w1"))
    assert.are.same({ "unexplained" }, verdict("STOP", "w3"))
  end)

  -- The run of a suspended watcher was taken for the first to finish: the next message of the
  -- group, which had waited for the other run, was reported as out of order.
  it("goes by the run that finished first, not by the one that began first", function()
    local sent = { { message = "a", group = "g" }, { message = "b", group = "g" } }
    local stops = { { at = 1.2, kind = "STOP" }, { at = 3.9, kind = "STOP" } }
    local function verdict(next_began)
      return kinds { sent = sent, faults = stops, events = {
        begin(1, "1"), begin(3, "2"), done(3.2, "2"), begin(next_began, "3", "b"), done(4, "1"),
        done(4.5, "3", "b"),
      } }
    end
    assert.are.same({}, verdict(3.5))
    assert.are.same({ "order" }, verdict(3.1))
  end)

  it("lets two run at a time where the heartbeats of just this message were lost", function()
    local two = { begin(1, "1"), begin(4, "2"), done(4.5, "1"), done(5, "2") }
    local function faults(message, lease)
      return { { at = 2, kind = "reset", message = message, lease = lease } }
    end
    assert.are.same({}, kinds { events = two, faults = faults("a", true) })
    assert.are.same({ "overlap" }, kinds { events = two, faults = faults "a" })
    assert.are.same({ "overlap", "unexplained" },
      kinds { events = two, faults = faults("b", true) })
  end)

  it("lets two run at a time only where a watcher stood still", function()
    local two = { begin(1, "1"), begin(4, "2"), done(4.5, "1"), done(5, "2") }
    assert.are.same({ "overlap" }, kinds { events = two, faults = { { at = 2, kind = "KILL" } } })
    assert.are.same({ "overlap", "unexplained" }, kinds { events = two })
    assert.are.same({}, kinds { events = two, faults = { { at = 2, kind = "STOP" } } })
  end)

  -- CI failed for this: a suspended watcher had given its program a batch; the program began with
  -- its last message a moment after the watcher that had received it meanwhile.
  it("lets the suspended watcher be the one of the later run", function()
    local two = { begin(4, "1", "a", "8"), begin(4.1, "2", "a", "7"), done(5, "1"), done(5.1, "2") }
    local function with(watcher)
      return kinds { events = two, faults = { { at = 3.7, kind = "STOP", watcher = watcher } } }
    end
    assert.are.same({}, with "7")
    assert.are.same({}, with "8")
    assert.are.same({ "overlap", "unexplained" }, with "9")
  end)

  -- The suspended watcher stops its task when it finds the lease lost, long after the standstill.
  it("lets a suspended watcher's task hold the lock until it is stopped", function()
    local two = { begin(1, "1", "a", "7"), begin(3, "2", "a", "8"),
      { at = 3, kind = "overlap", message = "a", run = "2" }, done(6, "2") }
    local function with(watcher)
      return kinds { events = two, faults = { { at = 1.3, kind = "STOP", watcher = watcher } } }
    end
    assert.are.same({}, with "7")
    assert.are.same({ "stuck", "overlap" }, with "9")
  end)

  it("compares a run with all before it, not only with the last one", function()
    local three = { begin(4, "1", "a", "7"), begin(5, "2", "a", "8"),
      { at = 5.1, kind = "fail", message = "a", run = "2" },
      begin(6, "3", "a", "8"), { at = 6, kind = "overlap", message = "a", run = "3" },
      { at = 6.1, kind = "fail", message = "a", run = "3" }, done(7, "1") }
    local function with(watcher)
      return kinds { events = three, faults = { { at = 3.7, kind = "STOP", watcher = watcher } } }
    end
    assert.are.same({}, with "7")
    assert.are.same({ "overlap", "overlap", "unexplained", "unexplained" }, with "9")
  end)

  it("wants a cause for a run of what has finished", function()
    local again = { begin(1, "1"), done(2, "1"), begin(9, "2"), done(10, "2") }
    assert.are.same({ "unexplained" }, kinds { events = again })
    assert.are.same({}, kinds { events = again, faults = { { at = 2.2, kind = "KILL" } } })
    assert.are.same({ "unexplained" },
      kinds { events = again, faults = { { at = 0.1, kind = "KILL" } } })
  end)

  it("takes a fault for a cause only of what it concerns", function()
    local function again(fault)
      local events = { begin(1, "1"), done(2, "1"), begin(9, "2"), done(10, "2") }
      for _, event in ipairs(events) do event.watcher = "77" end
      fault.at, fault.kind = 2.2, "KILL"
      return kinds { events = events, faults = { fault } }
    end
    assert.are.same({}, again { watcher = "77" })
    assert.are.same({}, again { message = "a" })
    assert.are.same({ "unexplained" }, again { watcher = "78" })
    assert.are.same({ "unexplained" }, again { message = "b" })
  end)

  it("lets nothing die but what must", function()
    local dead = { events = {}, dead = { a = true } }
    assert.are.same({ "unexplained" }, kinds(dead))
    dead.sent = { { message = "a", dies = true } }
    assert.are.same({}, kinds(dead))
    dead.dead = {}
    assert.are.same({ "lost" }, kinds(dead))
  end)

  it("wants a cause for a run without an end", function()
    local cut = { begin(1, "1"), begin(9, "2"), done(10, "2") }
    assert.are.same({ "stuck" }, kinds { events = cut })
    assert.are.same({}, kinds { events = cut, faults = { { at = 1.2, kind = "KILL" } } })
  end)

  it("wants a cause for what has finished and is still queued", function()
    assert.are.same({ "unexplained" }, kinds { queued = { a = true } })
    assert.are.same({}, kinds { queued = { a = true }, faults = { { at = 2, kind = "KILL" } } })
  end)

  it("keeps groups in order", function()
    local sent = { { message = "a", group = "g" }, { message = "b", group = "g" } }
    local events = { begin(1, "1"), begin(1.5, "2", "b"), done(2, "1"), done(3, "2", "b") }
    assert.are.same({ "order" }, kinds { sent = sent, events = events })
    sent[2].group = "h"
    assert.are.same({}, kinds { sent = sent, events = events })
  end)

  it("reads a journal", function()
    local events = judge.events { "end a 1 77 2.5", "begin a 1 - 1.25", "torn li" }
    assert.are.same({ at = 1.25, kind = "begin", message = "a", run = "1", place = 2 }, events[1])
    assert.are.same({ "end", "77" }, { events[2].kind, events[2].watcher })
    assert.is_nil(events[3])
  end)
end)

-- A watcher that a loaded machine kept waiting may lose its leases: only its own log can excuse it.
describe("the log of a watcher", function()
  it("says when nothing ran there", function()
    local one = require "support.total.trouble".new({ place = {} }, { seed = 1 })
    assert.are.equal(1, one:read_log [[
{"pid":7,"time":"2026-11-28T18:23:11.000Z","event":"watching"}
{"pid":7,"time":"2026-11-28T18:23:18.875Z","event":"heartbeats are late: why","seconds":3.5}
]])
    assert.are.same({
      { at = 1795890195.375, kind = "STOP", watcher = "7" },
      { at = 1795890198.875, kind = "STOP", watcher = "7" },
    }, one.faults)
  end)
end)
