local groups = require "watchbot.runner.resident.groups"

local function run(group, name) return { group = group, job = { group = group, name = name } } end

describe("the groups of a FIFO queue", function()
  it("have one invocation at a time, and the rest waits behind it in its order", function()
    local all = groups.new()
    local a1, a2, a3, b1 = run("A", "1"), run("A", "2"), run("A", "3"), run("B", "1")
    local waiting = { a2, b1 }
    all:began({ a1 }, waiting)
    assert.same({ b1 }, waiting)
    assert.is_true(all:keep(a3))
    assert.same({}, all:left(b1.job))
    assert.same({ a2, a3 }, all:left(a1.job))
    assert.is_false(all:keep(a3), "nothing is left of the group")
  end)

  it("wait until all jobs of the invocation are settled", function()
    local all = groups.new()
    local one, two, behind = run("A", "1"), run("A", "2"), run("A", "3")
    all:began({ one, two }, {})
    all:keep(behind)
    assert.same({}, all:left(one.job))
    assert.same({}, all:left(one.job), "a job that is told twice counts once")
    assert.same({ behind }, all:left(two.job))
  end)

  it("let go of what is taken back, and of all at a drain", function()
    local all = groups.new()
    local one, two, three = run("A", "1"), run("A", "2"), run("A", "3")
    all:began({ one }, {})
    all:keep(two)
    all:keep(three)
    assert.equal(two, all:remove(two))
    assert.is_nil(all:remove(two))
    assert.same({ three }, all:take_all())
    assert.same({}, all:left(one.job))
  end)

  it("are no matter of messages without one", function()
    local all = groups.new()
    local waiting = { run(nil, "2") }
    all:began({ run(nil, "1") }, waiting)
    assert.equal(1, #waiting)
    assert.is_false(all:keep(waiting[1]))
    assert.is_false(all:keep(run(false, "3")))
  end)
end)
