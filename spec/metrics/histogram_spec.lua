local histogram = require "watchbot.metrics.histogram"
local scheduler = require "watchbot.scheduler"

describe("a histogram", function()
  it("counts a value under the first bound that is not below it", function()
    local one = histogram.new { 1, 2, 5 }
    for _, value in ipairs { 0, 1, 1.5, 2, 5, 5.1, 1e9 } do one:observe(value) end
    assert.are.same({ bounds = { 1, 2, 5, math.huge }, counts = { 2, 2, 1, 2 }, count = 7,
      sum = 1e9 + 14.6 }, one:read())
  end)

  -- A job's times: one that never ran has no time for that, and a message that was received again
  -- has a receive behind its start.
  it("takes the spans between times, and leaves out what has no begin or end", function()
    local function counts_of(...)
      local all = { histogram.new { 10 }, histogram.new { 10 }, histogram.new { 10 } }
      histogram.spans(table.unpack(all))(...)
      for index, one in ipairs(all) do all[index] = one:read().count end
      return all
    end
    local now = scheduler.boottime()
    assert.are.same({ 1, 1, 1 }, counts_of(now - 3, now - 2, now - 1))
    assert.are.same({ 0, 0, 1 }, counts_of(now - 3, false, now - 1))
    assert.are.same({ 0, 0, 0 }, counts_of(false, now - 1))
    assert.are.same({ 0, 1, 1 }, counts_of(now - 1, now - 3, now - 2))
    local last = histogram.new { 10 }
    histogram.spans(last)(now - 5)
    assert.is_true(last:read().sum >= 5)
  end)

  -- The stages of a job are noted so: a field, whatever else comes with the call.
  it("has stamps that note the time of their call in a table", function()
    local entry, stamp, calls = {}, histogram.stamp "running_at"
    local before = scheduler.boottime()
    assert.is_nil(stamp(entry, "starting", "running"))
    local first = entry.running_at
    assert.is_true(before <= first and first <= scheduler.boottime())
    entry.running_at = false
    stamp(entry)
    assert.is_true(first <= entry.running_at)
    assert.has_error(function() stamp() end)
    assert.are.equal(2, calls())
    assert.has_error(function() histogram.stamp() end)
  end)

  it("refuses bounds that do not rise", function()
    assert.has_error(function() histogram.new {} end)
    assert.has_error(function() histogram.new { 2, 1 } end)
    local many = {}
    for index = 1, 33 do many[index] = index end
    assert.has_error(function() histogram.new(many) end)
  end)

  it("is a copy when it is read", function()
    local one = histogram.new { 1 }
    local before = one:read()
    one:observe(0.5)
    assert.are.same({ 0, 0 }, before.counts)
    assert.are.equal(0, before.count)
  end)
end)
