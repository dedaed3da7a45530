-- A log of a real drain as the load of a simulation. The logs are of 40 messages in a queue file
-- with three workers (drain_policy.lua): sleeps of up to 2.6 s, some failures, one message that
-- always fails. Between sending and the last dead letter 36.8 s went by.

local recorded = require "watchbot.simulate.recorded"
local result = require "watchbot.simulate.result"
local simulate = require "watchbot.simulate"
local json = require "watchbot.lib.json"
local workshop = require "support.workshop"

local POLICY, DRAINED = "spec/simulate/drain_policy.lua", 36.8

local function near(expected, found)
  assert.is_true(math.abs(found / expected - 1) < 0.05, ("%g, not %g"):format(found, expected))
end

local function simulated(path)
  local load = assert(recorded.read(path))
  return result.of(assert(simulate.run(POLICY, load, {}))), load
end

-- The log as `aws logs filter-log-events` prints it.
local function as_events(path)
  local events = {}
  for line in io.lines(path) do
    events[#events + 1] = { logStreamName = "a/b/c", timestamp = 1, message = line }
  end
  return json.encode { events = json.list(events), searchedLogStreams = json.list {} }
end

describe("a recorded load", function()
  for _, path in ipairs { "spec/simulate/drain.log", "spec/simulate/drain.json" } do
    it("of a real drain is reproduced within 5 %: " .. path, function()
      local found, load = simulated(path)
      near(DRAINED, found.drained)
      assert.are.same({ 40, 38, 1, 1, 7, 1, 47 }, { found.messages, found.ends.complete,
        found.ends.reject, found.ends.dead, found.outcomes.retry, found.outcomes.release,
        found.starts })
      assert.are.equal(0, load.extrapolated)
    end)
  end

  it("is read from events of the AWS CLI, and from lines with a prefix", function()
    local folder = workshop.folder()
    folder:write("events.json", as_events "spec/simulate/drain.json")
    local lines = {}
    for line in io.lines "spec/simulate/drain.log" do
      lines[#lines + 1] = "2026-11-28T14:46:35+00:00 watcher/1 " .. line
    end
    folder:write("tail", table.concat(lines, "\n"))
    for _, name in ipairs { "events.json", "tail" } do
      near(DRAINED, simulated(folder:file(name)).drained)
    end
    folder:remove()
  end)

  it("knows the lines of watchbot listen and of ECS tasks", function()
    local folder = workshop.folder()
    folder:write("log", table.concat({
      '[Sat, 28 Nov 2026 14:00:00 GMT] [watcher] [a] {"subject":"s","message":"m","receives":1}',
      '[Sat, 28 Nov 2026 14:00:10 GMT] [watcher] [a] [failure] {"code":null,"signal":"SIGKILL",'
        .. '"duration":10000,"response_duration":12000}',
      '[Sat, 28 Nov 2026 14:00:10 GMT] [watcher] [b] {"outcome":"success","code":0,"duration":90}',
      '[Sat, 28 Nov 2026 14:00:10 GMT] [worker] [c] {"outcome":"success","code":0,"duration":90}',
      "something else",
    }, "\n"))
    local load = assert(recorded.read(folder:file "log"))
    assert.are.equal(2, load.count)
    local all = {}
    for number, _, message in load:messages() do all[message.id] = { load:attempt(number, 1) } end
    assert.are.same({ 10, { signal = "KILL" } }, all.a)
    assert.are.same({ 90, { code = 0 } }, all.b)
    assert.are.same({ 10, { signal = "KILL" } }, { load:attempt(1, 7) })
    assert.are.equal(1, load.extrapolated)
    folder:write("log", "nothing\n")
    assert.matches("no line of a watcher", (select(2, recorded.read(folder:file "log"))))
    assert.matches("could not read the log", (select(2, recorded.read(folder:file "none"))))
    folder:remove()
  end)
end)
