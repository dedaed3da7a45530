local minutes = require "watchbot.console.minutes"

-- Some minute, in milliseconds.
local NOON = 29000000 * 60000

describe("the last hour", function()
  it("has a number for each minute in which something was counted", function()
    local hour = minutes.new()
    hour:add("done", 2, NOON)
    hour:add("done", 3, NOON + 59999)
    hour:add("done", 4, NOON + 60000)
    hour:add("sent", 0, NOON)
    local list = hour:list(NOON + 60000)
    assert.are.equal(60, #list)
    assert.are.equal(5, list[59].done)
    assert.are.equal(4, list[60].done)
    assert.are.equal(0, list[59].sent)
    -- Unknown is not 0.
    assert.is_nil(list[60].sent)
    assert.is_nil(list[58].done)
  end)

  it("forgets what is older", function()
    local hour = minutes.new()
    for minute = 0, 500 do hour:add("done", 1, NOON + minute * 60000) end
    local kept = 0
    for _ in pairs(hour.by_minute) do kept = kept + 1 end
    assert.are.equal(60, kept)
    assert.are.equal(NOON // 60000 + 500, hour:list(NOON + 500 * 60000)[60].minute)
  end)

  it("is replaced by what another source counts, as far back as that goes", function()
    local hour = minutes.new()
    hour:add("done", 100, NOON)
    hour:replace("done", { [NOON // 60000 - 1] = 7 }, NOON, NOON - 3 * 60000)
    local list = hour:list(NOON)
    assert.are.same({ 7, 0 }, { list[59].done, list[60].done })
    assert.are.equal(0, list[57].done)
    assert.is_nil(list[56].done)
  end)
end)
