local words = require "lint.words"

describe("the listed words", function()
  local function found(path, source)
    local all = {}
    for _, one in ipairs(words.findings(path, source)) do
      all[#all + 1] = one.message:match "^'([^']+)'" end
    return all
  end

  it("are found in strings of Lua and C, in any case and over line ends", function()
    assert.are.same({ "whoever" }, found("lua/a.lua", 'error "Whoever asks"'))
    assert.are.same({ "of its own" }, found("lua/a.lua", "error [[a thread of\nits own]]"))
    assert.are.same({ "of its own" }, found("lua/a.lua", [[error "a thread of\nits own"]]))
    assert.are.same({ "at the most" }, found("src/a.c", 'puts("ten at the most");'))
  end)

  it("are whole words", function()
    assert.are.same({}, found("lua/a.lua", 'error "yours, hours, canew"'))
  end)

  -- The language pass over comments went stale: new ones said "beside" and "ours" again.
  it("are found in comments, too, where they are listed for them", function()
    assert.are.same({ "whoever" }, found("lua/a.lua", "-- whoever asks\nlocal x"))
    assert.are.same({ "at the most" }, found("lua/a.lua", "-- ten at\n-- the most"))
    assert.are.same({ "at the most" }, found("src/a.c", "/* ten at\n * the most */"))
    assert.are.same({ "anew" }, found("src/a.c", "// begins anew"))
  end)

  it("may be in code of a comment, and in comments if they are only listed for texts", function()
    assert.are.same({}, found("lua/a.lua", "---@return { ours: table }\n-- loop_is_ours, `ours`"))
    assert.are.same({}, found("lua/a.lua", "-- tells the type"))
  end)

  it("are words of the list, if a comment must not have them", function()
    for phrase in pairs(words.in_comments) do
      assert.is_string(words.listed[phrase], phrase)
    end
  end)
end)
