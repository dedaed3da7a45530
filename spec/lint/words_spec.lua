local words = require "lint.words"

describe("the listed words", function()
  local function found(path, source)
    local all = {}
    for _, one in ipairs(words.findings(path, source, true)) do
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

  -- The language pass over comments went stale: the same words came back in new ones.
  it("are found in comments, too, where they are listed for them", function()
    assert.are.same({ "whoever" }, found("lua/a.lua", "-- whoever asks\nlocal x"))
    assert.are.same({ "at the most" }, found("lua/a.lua", "-- ten at\n-- the most"))
    assert.are.same({ "at the most" }, found("src/a.c", "/* ten at\n * the most */"))
    assert.are.same({ "anew" }, found("src/a.c", "// begins anew"))
  end)

  it("may be in code of a comment, and in comments where they are ordinary English", function()
    assert.are.same({}, found("lua/a.lua", "---@return { ours: table }\n-- loop_is_ours, `ours`"))
    assert.are.same({}, found("lua/a.lua", "-- nil if there is none"))
  end)

  it("may be in texts that users do not read, as in those of a spec", function()
    assert.are.same({}, words.findings("spec/a_spec.lua", 'error "whoever"'))
    assert.are.equal(1, #words.findings("spec/a_spec.lua", "-- whoever asks"))
  end)

  it("are found in the prose of a page, not in its code", function()
    assert.are.same({ "of its own" }, found("doc/a.md", "A `cell` has\na file of its\nown.\n"))
    assert.are.same({}, found("doc/a.md", "```\nanew\n```\n\n    anew\n\nThe field `anew`.\n"))
    assert.are.equal(3, words.findings("doc/a.md", "One.\n\nStart anew.\n")[1].line)
  end)

  it("are words of the list, if prose may have them", function()
    for phrase in pairs(words.in_prose) do
      assert.is_string(words.listed[phrase], phrase)
    end
  end)
end)
