-- Leases and their heartbeat, with a settler with scripted answers: a real queue does not fail or
-- answer late on demand. What an extension does in a queue, spec/queue says; with
-- the real program, spec/aws/faults.

local leaping = require "support.leaping"
local leases = require "watchbot.watcher.leases"
local scheduler = require "watchbot.scheduler"

-- Seconds of the visibility here: a beat each 0.2.
local VISIBILITY = 1.2

local function task(body)
  return function() scheduler.run(body) end
end

-- A settler whose extensions are answered by `answer(receipt, seconds, within)`; it keeps what it
-- was asked.
local function settler_of(answer)
  local settler = { asked = {} }
  function settler:extend(receipt, seconds, within)
    table.insert(self.asked, {
      receipt = receipt, seconds = seconds, within = within, at = scheduler.boottime(),
    })
    if answer then return answer(receipt, seconds, within) end
    return true
  end
  return settler
end

-- Leases with their heartbeat, and a list of the events.
local function held(settler, visibility, body, exact)
  local events = {}
  local function note(name)
    return function(lease, err, code)
      table.insert(events, { name, lease.owner, err, code })
    end
  end
  local all = leases.new(settler, visibility, {
    lapsed = note "lapsed", failed = note "failed", limited = note "limited", lost = note "lost",
    renewed = note "renewed", late = function() end,
  }, exact)
  local heartbeat = scheduler.spawn(all.run, all)
  body(all, events)
  heartbeat:cancel()
end

local function message(receipt, receives) return { receipt = receipt, receives = receives or 1 } end

local function count(events, name)
  local found = 0
  for _, event in ipairs(events) do found = found + (event[1] == name and 1 or 0) end
  return found
end

local function eventually(condition)
  for _ = 1, 3000 do
    if condition() then return end
    scheduler.sleep(0.01)
  end
  error("it never came to this", 2)
end

describe("leases", function()
  it("are extended before half of the visibility has gone, again and again", task(function()
    local settler = settler_of()
    held(settler, 6, function(all, events)
      local lease = all:take(message "r", "job")
      local taken = scheduler.boottime()
      assert.is_true(lease.deadline >= taken + 5.9)
      -- As if time had passed: the beat itself is asked.
      lease.deadline = taken + 4.2
      all:beat()
      scheduler.sleep(0)
      assert.are.equal(0, #settler.asked)
      lease.deadline = taken + 3.9
      all:beat()
      eventually(function() return #settler.asked == 1 end)
      assert.are.equal(6, settler.asked[1].seconds)
      assert.is_true(lease.deadline >= taken + 6)
      assert.are.same({}, events)
    end)
  end))

  it("beat by themselves, all of them", task(function()
    local settler = settler_of()
    held(settler, VISIBILITY, function(all)
      for index = 1, 3 do all:take(message("r" .. index), index) end
      local seen = {}
      eventually(function()
        for _, asked in ipairs(settler.asked) do seen[asked.receipt] = true end
        return seen.r1 and seen.r2 and seen.r3
      end)
    end)
  end))

  -- An answer of SQS that was under way for longer than the visibility timeout brought messages
  -- that other watchers had meanwhile: they ran twice at once.
  it("count from when they can have begun at the latest, not from the answer", task(function()
    held(settler_of(), 60, function(all, events)
      local now = scheduler.boottime()
      -- The seconds from now to the deadline, and whether it is over.
      local function take(leased)
        local one = message "r"
        one.asked, one.leased = now - 100, leased and now + leased
        local lease, over = all:take(one, "job")
        return lease.deadline - now, over
      end
      local function is(seconds, over, leased)
        local found, found_over = take(leased)
        assert.is_true(math.abs(found - seconds) < 0.001, found)
        assert.are.equal(over, found_over)
      end
      assert.is_true(take(nil) >= 60)
      assert.is_true(take(1) >= 60)
      is(50, false, -10)
      is(-1, true, -61)
      -- After a time in which nothing ran here, the earlier of both counts.
      all.gap = { from = now - 20, to = now }
      is(40, false, 1)
      is(30, false, -30)
      assert.are.same({}, events)
    end)
  end))

  it("give up an extension while there is time for another", task(function()
    local settler = settler_of()
    held(settler, 120, function(all)
      local lease = all:take(message "r", "job")
      lease.deadline = scheduler.boottime() + 60
      all:beat()
      eventually(function() return settler.asked[1] end)
      assert.is_true(settler.asked[1].within <= 30)
    end)
  end))

  it("tell of an extension that failed, and try again at the next beat", task(function()
    local fail = true
    local settler = settler_of(function()
      if fail then return nil, "no", "InternalError" end
      return true
    end)
    held(settler, 6, function(all, events)
      local lease = all:take(message "r", "job")
      lease.deadline = scheduler.boottime() + 3
      all:beat()
      eventually(function() return events[1] end)
      assert.are.same({ "failed", "job", "no", "InternalError" }, events[1])
      fail = false
      all:beat()
      eventually(function() return #settler.asked == 2 end)
      assert.is_true(lease.deadline > scheduler.boottime() + 5)
    end)
  end))

  it("have one extension under way at a time", task(function()
    local go = scheduler.event()
    local settler = settler_of(function() return go:wait() end)
    held(settler, 6, function(all)
      local lease = all:take(message "r", "job")
      lease.deadline = scheduler.boottime() + 3
      for _ = 1, 3 do
        all:beat()
        scheduler.sleep(0.01)
      end
      assert.are.equal(1, #settler.asked)
      go:set()
    end)
  end))

  -- SQS may accept a receipt of before another watcher's receive: a success would prove nothing.
  it("that lapse are reported once, and are lost where receipts are not exact", task(function()
    local settler = settler_of()
    held(settler, 6, function(all, events)
      local lease = all:take(message "r", "job")
      lease.deadline = scheduler.boottime() - 0.1
      for _ = 1, 3 do
        all:beat()
        scheduler.sleep(0.01)
      end
      assert.are.same({ { "lapsed", "job" }, { "lost", "job" } }, events)
      assert.are.equal(0, #settler.asked)
    end)
  end))

  describe("that lapse where receipts are exact", function()
    -- => the lease, the events, and how often it was asked for
    local function overdue(answer, beats)
      local settler, lease, seen = settler_of(answer), nil, nil
      held(settler, 60, function(all, events)
        lease, seen = all:take(message "r", "job"), events
        lease.deadline = scheduler.boottime() - 0.1
        for _ = 1, beats do
          all:beat()
          scheduler.sleep(0.01)
        end
      end, true)
      return lease, seen, #settler.asked
    end

    -- A loaded machine let a heartbeat come late. No other watcher had the message.
    it("are kept if the queue extends them", task(function()
      local lease, events, asked = overdue(function() return true end, 3)
      assert.are.same({ { "lapsed", "job" }, { "renewed", "job" } }, events)
      assert.are.equal(1, asked)
      assert.is_true(lease.deadline > scheduler.boottime() + 30)
      assert.is_falsy(lease.lapsed)
    end))

    -- The run went on for hours while another watcher ran the message.
    it("are lost if another watcher has received the message", task(function()
      local _, events, asked = overdue(function()
        return nil, "received again", "ReceiptHandleIsInvalid"
      end, 3)
      assert.are.same({ { "lapsed", "job" },
        { "failed", "job", "received again", "ReceiptHandleIsInvalid" }, { "lost", "job" } },
        events)
      assert.are.equal(1, asked)
    end))

    it("end nothing if the message is no longer in the queue", task(function()
      local lease, events, asked = overdue(function()
        return nil, "not there", "MessageNotInflight"
      end, 3)
      assert.are.equal(0, count(events, "lost"))
      assert.are.equal(1, asked)
      assert.is_true(lease.lost)
    end))
  end)

  -- Nobody gets a message while the queue does not answer anybody.
  it("that lapse without an answer are asked for until there is one", task(function()
    local answers = { "InternalError", "InternalError", "ReceiptHandleIsInvalid" }
    local settler = settler_of(function() return nil, "no", table.remove(answers, 1) end)
    held(settler, 60, function(all, events)
      local lease = all:take(message "r", "job")
      lease.deadline = scheduler.boottime() + 20
      all:beat()
      scheduler.sleep(0.01)
      lease.deadline = scheduler.boottime() - 0.1
      for beats = 2, 5 do
        assert.are.equal(beats > 3 and 1 or 0, count(events, "lost"))
        all:beat()
        scheduler.sleep(0.01)
      end
      assert.are.equal(3, #settler.asked)
      assert.are.equal(1, count(events, "lapsed"))
    end)
  end))

  it("have lapsed when the queue says that the receipt has expired", task(function()
    local settler = settler_of(function() return nil, "too old", "ReceiptHandleIsInvalid" end)
    held(settler, 6, function(all, events)
      local lease = all:take(message "r", "job")
      lease.deadline = scheduler.boottime() + 3
      all:beat()
      eventually(function() return #events == 3 end)
      all:beat()
      assert.are.equal(1, count(events, "lapsed"))
      assert.are.equal(1, count(events, "lost"))
      assert.are.equal(1, #settler.asked)
    end)
  end))

  describe("of a message that is received again", function()
    it("go on with the newer receipt, newer by receive count", task(function()
      local settler = settler_of()
      held(settler, 6, function(all)
        local lease = all:take(message("second", 2), "job")
        lease.deadline = scheduler.boottime() - 1
        all:adopt(lease, message("first", 1))
        assert.are.equal("second", lease.receipt)
        assert.is_true(lease.deadline < scheduler.boottime())
        all:adopt(lease, message("third", 3))
        assert.are.equal("third", lease.receipt)
        assert.is_true(lease.deadline > scheduler.boottime() + 5)
        lease.deadline = scheduler.boottime() + 3
        all:beat()
        eventually(function() return settler.asked[1] end)
        assert.are.equal("third", settler.asked[1].receipt)
      end)
    end))

    it("have lapsed no longer, and may lapse and be reported again", task(function()
      held(settler_of(), 6, function(all, events)
        local lease = all:take(message("r1", 1), "job")
        for receives = 2, 3 do
          lease.deadline = scheduler.boottime() - 0.1
          all:beat()
          all:beat()
          all:adopt(lease, message("r" .. receives, receives))
          assert.is_falsy(lease.lapsed)
        end
        assert.are.equal(2, count(events, "lapsed"))
      end)
    end))

    -- Planted: a heartbeat kept to the handle of the first one, and no spec saw it.
    it("go on with the newer receipt after a heartbeat with the old one", task(function()
      local settler = settler_of()
      held(settler, VISIBILITY, function(all)
        local lease = all:take(message("first", 1), "a")
        while #settler.asked == 0 do scheduler.sleep(0.05) end
        assert.are.equal("first", settler.asked[1].receipt)
        all:adopt(lease, message("second", 2))
        local before = #settler.asked
        while #settler.asked == before do scheduler.sleep(0.05) end
        assert.are.equal("second", settler.asked[before + 1].receipt)
      end)
    end))

    -- An answer about the old receipt says nothing of the new one.
    it("do not believe the answer to the old receipt", task(function()
      for _, answer in ipairs { true, false } do
        local go = scheduler.event()
        local settler = settler_of(function()
          go:wait()
          if answer then return true end
          return nil, "too old", "ReceiptHandleIsInvalid"
        end)
        held(settler, 6, function(all, events)
          local lease = all:take(message("old", 1), "job")
          lease.deadline = scheduler.boottime() + 3
          all:beat()
          eventually(function() return settler.asked[1] end)
          all:adopt(lease, message("new", 2))
          local deadline = lease.deadline
          go:set()
          eventually(function() return not lease.extending end)
          assert.are.equal(deadline, lease.deadline)
          assert.are.same({}, events)
        end)
      end
    end))
  end)

  describe("that are decided", function()
    it("are not extended any more, and no failure is told", task(function()
      local settler = settler_of()
      held(settler, 6, function(all, events)
        local lease = all:take(message "r", "job")
        lease.deadline = scheduler.boottime() + 3
        all:decide(lease)
        all:beat()
        lease.deadline = scheduler.boottime() - 1
        all:beat()
        scheduler.sleep(0.01)
        assert.are.equal(0, #settler.asked)
        assert.are.same({}, events)
      end)
    end))

    it("wait for the extension that is under way", task(function()
      local go = scheduler.event()
      local settler = settler_of(function()
        go:wait()
        return nil, "no", "InternalError"
      end)
      held(settler, 6, function(all, events)
        local lease = all:take(message "r", "job")
        lease.deadline = scheduler.boottime() + 3
        all:beat()
        eventually(function() return settler.asked[1] end)
        local decided = scheduler.spawn(function() all:decide(lease) end)
        scheduler.sleep(0.05)
        assert.is_false(decided:ended())
        go:set()
        assert.is_true((decided:join()))
        assert.are.same({}, events)
      end)
    end))

    -- A beat starts a task for each extension. One whose lease was decided before its first turn
    -- was sent along with the delete, and could keep a message invisible that had been
    -- returned.
    it("have no extension started that a beat before had in mind", task(function()
      local settler = settler_of()
      held(settler, 6, function(all)
        local lease = all:take(message "r", "job")
        lease.deadline = scheduler.boottime() + 3
        all:beat() -- its task has its turn later
        all:decide(lease)
        scheduler.sleep(0.01)
        assert.are.equal(0, #settler.asked)
      end)
    end))
  end)

  describe("near the queue's limit of 12 hours", function()
    it("are extended to it, then told of once", task(function()
      local settler = settler_of()
      held(settler, 600, function(all, events)
        local lease = all:take(message "r", "job")
        lease.received = scheduler.boottime() - 12 * 3600 + 160.5
        lease.deadline = scheduler.boottime() + 200
        all:beat()
        eventually(function() return settler.asked[1] end)
        assert.are.equal(100, settler.asked[1].seconds)
        lease.received = lease.received - 100
        for _ = 1, 3 do
          all:beat()
          scheduler.sleep(0.01)
        end
        assert.are.same({ { "limited", "job" } }, events)
        assert.are.equal(1, #settler.asked)
      end)
    end))

    it("count from the newest receive", task(function()
      held(settler_of(), 6, function(all)
        local lease = all:take(message("r1", 1), "job")
        lease.received = lease.received - 12 * 3600
        assert.is_true(leases.left(lease, scheduler.boottime()) < 0)
        all:adopt(lease, message("r2", 2))
        assert.is_true(leases.left(lease, scheduler.boottime()) > 11 * 3600)
      end)
    end))
  end)
end)

-- A watcher was stopped (SIGSTOP, a laptop's lid, a paused VM) inside its long poll for longer than
-- the visibility: it began to count when it saw the answer, and ran what others had had meanwhile.
describe("a lease of an answer that may be old", function()
  local function leases_at(visibility)
    local late = {}
    return leases.new({}, visibility, {
      lapsed = function() end, failed = function() end,
      late = function(seconds) late[#late + 1] = seconds end,
    }), late
  end

  local function received(asked)
    return { receipt = "r", receives = 1, asked = asked }
  end

  it("counts from now where nothing stood still", leaping.task(function()
    local all = leases_at(60)
    local beat = scheduler.spawn(all.run, all)
    local asked = scheduler.boottime()
    scheduler.sleep(20)
    local lease = all:take(received(asked), {})
    assert.are.equal(scheduler.boottime() + 60, lease.deadline)
    beat:cancel()
  end))

  it("counts from the last turn before it stood still", leaping.task(function()
    local all = leases_at(60)
    local asked = scheduler.boottime()
    all.turned = asked + 5
    scheduler.sleep(100)
    local lease = all:take(received(asked), {})
    assert.are.equal(asked + 5 + 60, lease.deadline)
    assert.is_true(all:has_lapsed(lease))
  end))

  it("remembers that when the heartbeat had its turn first", leaping.task(function()
    local all, late = leases_at(60)
    local asked = scheduler.boottime()
    scheduler.sleep(100)
    all:beat()
    assert.are.same({ 100 }, late)
    local lease, over = all:take(received(asked), {})
    assert.is_true(all:has_lapsed(lease) and over)
    -- What was asked for later is as new as ever.
    assert.is_false(all:has_lapsed(all:take(received(scheduler.boottime() + 0.1), {})))
  end))

  it("counts from its poll where that began later than the last turn", leaping.task(function()
    local all = leases_at(60)
    local turned = scheduler.boottime()
    scheduler.sleep(50)
    local lease = all:take(received(turned + 45), {})
    assert.are.equal(turned + 45 + 60, lease.deadline)
  end))
end)
