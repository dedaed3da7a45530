-- When is asked for messages, and for how many, on a scripted queue: it is the order and the number
-- of calls that matter here.
-- spec/support/scripted_queue.lua says what that leaves out.

local intake = require "watchbot.watcher.intake"
local scheduler = require "watchbot.scheduler"
local scripted_queue = require "support.scripted_queue"

local function task(body)
  return function() scheduler.run(body) end
end

local function eventually(condition)
  for _ = 1, 3000 do
    if condition() then return end
    scheduler.sleep(0.01)
  end
  error("it never came to this", 2)
end

-- Sleeps; a time in which the machine stands still counts as one step.
local function live(seconds)
  for _ = 1, math.ceil(seconds / 0.05) do scheduler.sleep(0.05) end
end

local function messages(count)
  local list = {}
  for index = 1, count do list[index] = { id = "m" .. index } end
  return list
end

-- An answer that is full: there may be more, and more polls are opened.
local function full(asked)
  return messages(asked)
end

-- An intake that runs, and what came of it: `accepted` messages, `failures`. `state.capacity` may
-- be changed, then wake it.
local function running(queue, options, body)
  local state = { capacity = 10, accepted = {}, failures = {}, polls = {} }
  local all = {
    queue = queue, visibility = 30, gather = queue.gather,
    capacity = function() return state.capacity end,
    idle = function() return true end,
    poll = function(free) return free, 0.05 end,
    accept = function(message) table.insert(state.accepted, message) end,
    failed = function(err, code) table.insert(state.failures, { err, code }) end,
  }
  for name, value in pairs(options) do all[name] = value end
  local one = intake.new(all)
  local runner = scheduler.spawn(one.run, one)
  body(one, state, runner)
  one:close()
  one:cut(0)
  assert.is_true((runner:join()))
end

describe("intake", function()
  it("asks for what can be taken in, and hands over what comes", task(function()
    local queue = scripted_queue.new()
    running(queue, {}, function(one, state)
      state.capacity = 3
      queue:answer("receive", function()
        state.capacity = 0
        return messages(3)
      end)
      eventually(function() return #state.accepted == 3 end)
      local call = queue.calls.receive[#queue.calls.receive]
      assert.are.equal(3, call[1])
      assert.are.equal(30, call[3])
      local calls = #queue.calls.receive
      scheduler.sleep(0.1)
      assert.are.equal(calls, #queue.calls.receive)
      state.capacity = 1
      one:wake()
      eventually(function() return #queue.calls.receive > calls end)
      assert.are.equal(1, queue.calls.receive[calls + 1][1])
    end)
  end))

  it("asks for no more than a batch, and never for more than the policy's poll says",
    task(function()
    local queue = scripted_queue.new { polls = 1 }
    local wanted = 4
    running(queue, { poll = function(free) return math.min(free, wanted), 0.05 end },
      function(_, state)
      state.capacity = 25
      eventually(function() return #queue.calls.receive >= 1 end)
      assert.are.equal(4, queue.calls.receive[1][1])
      wanted = 100
      local seen = #queue.calls.receive
      eventually(function() return #queue.calls.receive >= seen + 2 end)
      assert.are.equal(10, queue.calls.receive[seen + 2][1])
    end)
  end))

  it("counts what polls under way have asked for as taken", task(function()
    local queue = scripted_queue.new()
    local go, open, most = scheduler.event(), 0, 0
    local function hang(max)
      open = open + max
      most = math.max(most, open)
      go:wait()
      open = open - max
      return messages(max)
    end
    queue:answer("receive", full, hang, hang, hang, hang)
    running(queue, {}, function(_, state)
      state.capacity = 14
      eventually(function() return #queue.calls.receive >= 3 end)
      scheduler.sleep(0.1)
      assert.are.equal(14, most)
      state.capacity = 0
      go:set()
    end)
  end))

  it("opens one poll while there is nothing, more while they come back full, fewer when they "
    .. "share what there is",
    task(function()
      local queue = scripted_queue.new()
      local open, release = 0, scheduler.event()
      local answer = 0
      -- Polls that wait for each other, so that as many are open as may be.
      local function poll(asked)
        open = open + 1
        release:wait()
        open = open - 1
        return messages(math.min(asked, answer))
      end
      for _ = 1, 40 do queue:answer("receive", poll) end
      local function open_after(count)
        answer = count
        local current = release
        release = scheduler.event()
        current:set()
        live(0.15)
        return open
      end
      running(queue, {}, function(_, state)
        state.capacity = 100
        scheduler.sleep(0.1)
        assert.are.equal(1, open)
        assert.are.equal(2, open_after(10))
        assert.are.equal(4, open_after(10)) -- the most that this queue has
        assert.are.equal(4, open_after(10))
        assert.are.equal(1, open_after(3))
        assert.are.equal(2, open_after(10))
        open_after(0)
        -- The next one begins when the wait that the server cut short is over.
        eventually(function() return open == 1 end)
        scheduler.sleep(0.1)
        assert.are.equal(1, open)
        release:set()
      end)
    end))

  -- An endpoint that does not wait was asked 3,000 times a second, and a policy that says half a
  -- second 63 times: it became 0, which SQS takes for "at once".
  it("keeps its pace when the server does not", task(function()
    local queue = scripted_queue.new()
    for _ = 1, 1000 do queue:answer("receive", {}) end
    for _, wait in ipairs { 2, 0.5, 0 } do
      local before = #queue.calls.receive
      running(queue, { poll = function(free) return free, wait end }, function()
        local began = scheduler.now()
        scheduler.sleep(0.5)
        local asked = #queue.calls.receive - before
        assert.is_true(asked >= 1 and asked <= 1 + (scheduler.now() - began) / 0.95, asked)
      end)
      assert.are.equal(math.ceil(wait), queue.calls.receive[#queue.calls.receive][2])
    end
  end))

  -- The pause of a poll that failed was slept to its end, although another poll had succeeded.
  it("ends the pause of a failure when another poll succeeds", task(function()
    local queue = scripted_queue.new()
    local go = scheduler.event()
    queue:answer("receive", full, full, function() go:wait() return messages(1) end)
    for _ = 1, 6 do queue:answer("receive", "ServiceUnavailable") end
    running(queue, { capacity = function() return 100 end }, function(one, state)
      eventually(function() return #state.failures >= 1 end)
      one.pause = 1000
      scheduler.sleep(0.7) -- in the middle of that pause
      one:wake()
      local asked = #queue.calls.receive
      go:set()
      eventually(function() return #queue.calls.receive > asked end)
    end)
  end))

  it("does not ask while there is no capacity", task(function()
    local queue = scripted_queue.new()
    running(queue, { capacity = function() return 0 end }, function()
      scheduler.sleep(0.1)
      assert.are.equal(0, #queue.calls.receive)
    end)
  end))

  it("waits as long as the policy's poll says before it is asked again when that wants nothing",
    task(function()
    local queue = scripted_queue.new()
    local asked = 0
    running(queue, { poll = function()
      asked = asked + 1
      return 0, 0.2
    end }, function()
      scheduler.sleep(0.5)
      assert.is_true(asked >= 1 and asked <= 3, asked)
      assert.are.equal(0, #queue.calls.receive)
    end)
  end))

  it("lets free slots gather for a moment while something runs", task(function()
    local queue = scripted_queue.new { gather = 0.3 }
    running(queue, { idle = function() return false end }, function(one, state)
      state.capacity = 0
      one:wake()
      scheduler.sleep(0.05)
      local before = #queue.calls.receive
      for free = 1, 3 do
        state.capacity = free
        one:wake()
        scheduler.sleep(0.01)
      end
      eventually(function() return #queue.calls.receive > before end)
      assert.are.equal(3, queue.calls.receive[before + 1][1])
    end)
  end))

  describe("when receives fail", function()
    it("tells, and pauses longer each time", task(function()
      local queue = scripted_queue.new { polls = 1 }
      queue:answer("receive", "ConnectionLost", "ConnectionLost", "ConnectionLost",
        "ConnectionLost")
      running(queue, {}, function(_, state)
        eventually(function() return #queue.calls.receive >= 5 end)
        assert.are.equal(4, #state.failures)
        assert.are.same({ "told to fail", "ConnectionLost" }, state.failures[1])
        local calls = queue.calls.receive
        -- A random part of 0.5, 1, 2: never less than half of it. The first pause may come twice.
        for index, least in ipairs { 0.25, 0.25, 0.5, 1 } do
          assert.is_true(calls[index + 1].at - calls[index].at >= least - 0.01, index)
        end
      end)
    end))

    it("never pauses for longer than half a minute", task(function()
      local one = intake.new { queue = scripted_queue.new(), failed = function() end }
      for _ = 1, 20 do one:failed("no", "No") end
      assert.are.equal(30, one.pause)
    end))

    it("starts small again after one that worked", task(function()
      local one = intake.new {
        queue = scripted_queue.new(), failed = function() end, accept = function() end,
      }
      for _ = 1, 5 do one:failed("no", "No") end
      one:received({}, 20)
      assert.are.equal(0, one.pause)
      one:failed("no", "No")
      assert.are.equal(0.5, one.pause)
    end))

    it("goes on after a queue that raised", task(function()
      local queue = scripted_queue.new { polls = 1 }
      queue:answer("receive", function() error "a bug" end, messages(1))
      running(queue, {}, function(_, state)
        eventually(function() return #state.accepted == 1 end)
        assert.matches("a bug", state.failures[1][1])
        assert.are.equal("InternalError", state.failures[1][2])
      end)
    end))
  end)

  describe("until the queue is empty", function()
    local function ends(queue, options)
      local calls
      options.until_empty = true
      running(queue, options, function(_, _, runner)
        assert.is_true((runner:join(60)))
        calls = #queue.calls.receive
      end)
      return calls
    end

    it("ends at once where the queue counts exactly", task(function()
      assert.are.equal(0, ends(scripted_queue.new { embedded = true }, {}))
    end))

    it("believes approximate counts only after three empty receives in a row", task(function()
      local queue = scripted_queue.new()
      queue:answer("receive", {}, {}, messages(1))
      assert.is_true(ends(queue, {}) >= 6)
    end))

    it("does not end while messages are delayed, in flight or here, or cannot be counted",
      task(function()
      local queue = scripted_queue.new { embedded = true }
      for _, counts in ipairs { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } } do
        queue.told_counts = { visible = counts[1], delayed = counts[2], in_flight = counts[3] }
        running(queue, { until_empty = true }, function(_, _, runner)
          scheduler.sleep(0.05)
          assert.is_false(runner:ended())
        end)
      end
      queue.told_counts = nil
      local idle = false
      running(queue, { until_empty = true, idle = function() return idle end },
        function(one, _, runner)
        scheduler.sleep(0.05)
        assert.is_false(runner:ended())
        idle = true
        one:wake()
        assert.is_true((runner:join(60)))
      end)
      function queue.counts() return nil, "no", "InternalError" end
      running(queue, { until_empty = true }, function(_, state, runner)
        eventually(function() return state.failures[1] end)
        assert.is_false(runner:ended())
      end)
    end))
  end)

  describe("at the end", function()
    it("starts no poll any more, whatever it waits for", task(function()
      local queue = scripted_queue.new()
      queue:answer("receive", "ConnectionLost")
      running(queue, {}, function(one, state, runner)
        eventually(function() return state.failures[1] end)
        one:close()
        assert.is_true((runner:join(60)))
        local calls = #queue.calls.receive
        scheduler.sleep(0.5)
        assert.are.equal(calls, #queue.calls.receive)
      end)
    end))

    it("takes what a poll under way brings in time, and cuts the others", task(function()
      local queue = scripted_queue.new()
      local go = scheduler.event()
      local cut = false
      queue:answer("receive", full, function()
        go:wait()
        return messages(1)
      end, function()
        local ok, err = pcall(scheduler.sleep, 3600)
        cut = not ok
        error(err, 0)
      end)
      running(queue, {}, function(one, state)
        state.capacity = 20
        eventually(function() return #queue.calls.receive == 3 end)
        one:close()
        scheduler.spawn(function() go:set() end)
        one:cut(0.3)
        assert.are.equal(11, #state.accepted)
        assert.is_true(cut)
        assert.are.same({}, state.failures)
      end)
    end))

    it("needs no begin", task(function()
      local one = intake.new { queue = scripted_queue.new() }
      one:close()
      one:run()
      one:cut(0)
    end))
  end)
end)
