local jobs = require "watchbot.watcher.jobs"

local function entry(id) return { id = id } end

describe("the jobs of a watcher", function()
  it("count by what their stage says", function()
    local all = jobs.new()
    local one, two = all:add(entry "1"), all:add(entry "2")
    assert.are.same({ 0, 0, 0 }, { all.slots, all.lingerers, all:waiting() })
    all:move(one, "waiting")
    all:move(two, "waiting")
    assert.are.equal(2, all:waiting())
    assert.are.equal(one, all:pop_waiting())
    all:move(one, "deciding")
    all:move(one, "starting")
    all:move(one, "running")
    assert.are.same({ 1, 0, 1 }, { all.slots, all.lingerers, all:waiting() })
    all:move(one, "unplaced")
    assert.are.same({ 0, 1, 1 }, { all.slots, all.lingerers, all.counts.unplaced })
    all:move(one, "waiting", true)
    assert.are.equal(one, all:pop_waiting())
    all:move(one, "returning")
    all:move(one, "gone")
    assert.is_false(all:none())
    all:move(two, "gone")
    assert.is_true(all:none())
    assert.are.same({ 0, 0, 0 }, { all.slots, all.lingerers, all:waiting() })
    assert.is_nil(all:pop_waiting())
  end)

  it("go only where their stage leads, and never come back", function()
    local all = jobs.new()
    local one = all:add(entry "1")
    assert.has_error(function() all:move(one, "running") end,
      "a job cannot go from 'received' to 'running'")
    all:move(one, "gone")
    for stage in pairs(jobs.STAGES) do
      assert.has_error(function() all:move(one, stage) end)
    end
    assert.is_true(all:none())
  end)

  -- Planted: a held job kept its slot, and no spec saw it.
  it("have a slot from the hooks to the end of their task, and only then", function()
    local slots, lingerers = {}, {}
    for name, stage in pairs(jobs.STAGES) do
      slots[#slots + 1] = stage.slot and name or nil
      lingerers[#lingerers + 1] = stage.lingers and name or nil
    end
    table.sort(slots)
    table.sort(lingerers)
    assert.are.same({ "deciding", "running", "starting" }, slots)
    assert.are.same({ "held", "returning", "settling", "unplaced" }, lingerers)
  end)

  -- A stage with no way to "gone" would be a message that is in flight forever.
  it("can be gone from every stage, and each stage can be reached", function()
    local reached = { received = true }
    for name, stage in pairs(jobs.STAGES) do
      assert.is_true(name == "gone" or stage.next.gone == true, name)
      for other in pairs(stage.next) do
        assert.is_table(jobs.STAGES[other], other)
        reached[other] = true
      end
    end
    for name in pairs(jobs.STAGES) do assert.is_true(reached[name], name) end
  end)

  it("are told to observers, in order", function()
    local all, seen = jobs.new(), {}
    all:observe(function(one, from, to) seen[#seen + 1] = { one.id, from or "", to } end)
    local one = all:add(entry "1")
    all:move(one, "waiting")
    all:changed(one)
    assert.are.same({ { "1", "", "received" }, { "1", "received", "waiting" },
      { "1", "waiting", "waiting" } }, seen)
  end)

  -- Metrics, traces and a test look at the same jobs.
  it("are told to each of several observers", function()
    local all, seen = jobs.new(), {}
    for index = 1, 3 do all:observe(function(_, _, to) seen[#seen + 1] = index .. to end) end
    local function note(_, from, to) seen[#seen + 1] = "table" .. (from or "") .. to end
    all:observe { waiting = note, changed = note }
    local one = all:add(entry "1")
    assert.are.same({ "1received", "2received", "3received" }, seen)
    seen = {}
    all:move(one, "waiting")
    all:move(one, "deciding")
    all:changed(one)
    assert.are.equal("1waiting 2waiting 3waiting tablereceivedwaiting 1deciding 2deciding "
      .. "3deciding 1deciding 2deciding 3deciding tabledecidingdeciding", table.concat(seen, " "))
  end)

  -- Most jobs start as soon as they are received: who measures the wait looks at the others alone.
  it("are told to observers of a change from one stage to another", function()
    local all, seen = jobs.new(), {}
    local function note(one, from, to) seen[#seen + 1] = one.id .. from .. to end
    all:observe { ["waiting>deciding"] = note, deciding = note }
    all:move(all:add(entry "1"), "deciding")
    assert.are.same({ "1receiveddeciding" }, seen)
    local two = all:add(entry "2")
    all:move(two, "waiting")
    all:move(two, "deciding")
    assert.are.same({ "1receiveddeciding", "2waitingdeciding", "2waitingdeciding" }, seen)
  end)

  it("make room for a newer receive while the message of an older one goes back", function()
    local all = jobs.new()
    local old = all:add(entry "1")
    assert.are.equal(old, all:current "1")
    all:move(old, "returning")
    assert.is_nil(all:current "1")
    local new = all:add(entry "1")
    all:move(old, "gone")
    assert.are.equal(new, all:current "1")
    assert.is_false(all:none())
  end)
end)
