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

  it("are whole words, outside of comments", function()
    assert.are.same({}, found("lua/a.lua", '-- whoever\nerror "yours, hours, canew"'))
    assert.are.same({}, found("src/a.c", '/* "whoever" */'))
  end)
end)
