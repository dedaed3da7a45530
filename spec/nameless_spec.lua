-- The program carries its modules compiled; the names of local variables were a seventh of that,
-- and the static program outgrew its limit.

local nameless = dofile "src/generate/nameless.lua"

local function trimmed(text, name)
  return nameless(string.dump(assert(load(text, name or "@x.lua"))))
end

local SOURCE = [[
local first, second = 1, { name = "kept" }
local function raise(argument, ...)
  local other <close> = nil
  for index, value in ipairs { 370.5, 1 << 40, "short", ("long"):rep(100), ... } do
    second[index] = value
  end
  return misspelt(argument)
end
return second, raise]]

describe("a compiled chunk without names", function()
  it("does the same", function()
    local second, raise = load(trimmed(SOURCE), "x", "b")()
    assert.is_false(pcall(raise, 7, "more"))
    assert.are.same({ 370.5, 1 << 40, "short", ("long"):rep(100), "more", name = "kept" }, second)
  end)

  it("keeps the lines and the names of globals, for errors", function()
    local _, raise = load(trimmed(SOURCE), "x", "b")()
    local _, err = pcall(raise)
    assert.are.equal("x.lua:7: attempt to call a nil value (global 'misspelt')", err)
  end)

  it("has no names of local variables, and nothing left to take out", function()
    local dump = trimmed(SOURCE)
    for _, name in ipairs { "argument", "other", "index", "first" } do
      assert.is_nil(dump:find(name, 1, true), name)
    end
    assert.are.equal(dump, nameless(dump))
    assert.are.equal(dump, string.dump(load(dump, "x", "b")))
  end)

  it("is what each module of watchbot becomes", function()
    for path in io.popen "find lua -name '*.lua'":lines() do
      local file <close> = io.open(path)
      local dump = trimmed(file:read "a", "@" .. path)
      assert.are.equal(dump, string.dump(assert(load(dump, path, "b"))), path)
    end
  end)

  it("of another version stays as it is", function()
    local other = "\27Lua\x55" .. string.dump(load "return 1"):sub(6)
    assert.are.equal(other, nameless(other))
  end)
end)
