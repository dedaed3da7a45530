local json = require "watchbot.lib.json"
local list = require "watchbot.lib.list"

describe("list", function()
  it("takes a table whose keys are 1 to n", function()
    assert.is_true(list.is { "a", "b", false })
    assert.is_true(list.is {})
  end)

  it("takes nothing else", function()
    for name, value in pairs {
      hole = { "a", nil, "c" }, ["a name"] = { "a", b = 1 }, zero = { [0] = "a", "b" },
      fraction = { "a", [1.5] = "b" }, map = { a = 1 }, text = "abc", number = 3,
    } do assert.is_false(list.is(value), name) end
    assert.is_false(list.is(nil))
  end)

  it("is written for a table with items, and for an empty one that is marked", function()
    assert.is_true(list.written { "a" })
    assert.is_true(list.written(json.list {}))
    assert.is_false(list.written {})
    assert.is_false(list.written { a = 1 })
  end)
end)
