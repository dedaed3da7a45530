-- The assertions of a program without luassert: each agrees with luassert's, which runs this.
local ours = require("watchbot.specs.asserts").ours

local CASES = {
  { "are_equal", 1, 1 }, { "are_equal", 1, 2 }, { "are_not_equal", 1, 2 },
  { "same", { 1, { a = 2 } }, { 1, { a = 2 } } }, { "are_same", { 1 }, { 1, 2 } },
  { "are_not_same", { 1 }, { 2 } }, { "is_true", true }, { "is_true", 1 }, { "is_not_true", 1 },
  { "is_false", false }, { "is_nil", nil }, { "is_nil", false }, { "is_not_nil", 1 },
  { "is_truthy", 0 }, { "is_truthy", nil }, { "is_falsy", nil }, { "is_falsy", 0 },
  { "is_string", "a" }, { "is_string", 1 }, { "is_table", {} }, { "is_number", "1" },
  { "is_function", print }, { "is_function", 1 }, { "matches", "^a", "abc" },
  { "matches", "^b", "abc" }, { "has_no_match", "b", "abc" }, { "matches", ".", "a.b", 1, true },
  { "has_error", function() error "x" end }, { "has_error", function() end },
  { "has_no_errors", function() end }, { "has_no_error", function() error "x" end },
  { "near", 1, 1.05, 0.1 }, { "near", 1, 1.2, 0.1 },
}

local function with_dots(root, name)
  for word in name:gmatch "%a+" do root = root[word] end
  return root
end

describe("specs.asserts", function()
  for _, case in ipairs(CASES) do
    it(("holds as luassert does: %s %s"):format(case[1], tostring(case[2])), function()
      local expected = pcall(assert[case[1]], table.unpack(case, 2, 6))
      assert.are.equal(expected, (pcall(ours[case[1]], table.unpack(case, 2, 6))))
      assert.are.equal(expected, (pcall(with_dots(ours, case[1]), table.unpack(case, 2, 6))))
    end)
  end

  it("says what it expected, and which assertion is missing", function()
    local _, err = pcall(ours.are.same, { a = 1 }, { a = { "b" } })
    assert.matches("expected { a = 1 }, got { a = { 'b' } }", err, 1, true)
    _, err = pcall(ours.is_unique, {})
    assert.matches("assert.is.unique is not in this watchbot, which was built without luassert",
      err, 1, true)
    assert.are.same({ 1, "m" }, { ours(1, "m") })
    _, err = pcall(ours, nil, "why")
    assert.are.equal("why", err)
  end)
end)
