-- Each planted fault has its place: a mutant that is planted nowhere would survive unseen. That the
-- specs see them, `make mutants` says.

local list = require "mutants.list"

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function count(text, part)
  local found, at = 0, 1
  while true do
    local first, last = text:find(part, at, true)
    if not first then return found end
    found, at = found + 1, last + 1
  end
end

describe("a mutant", function()
  for _, mutant in ipairs(list) do
    it("has its place: " .. mutant.name, function()
      assert.are.equal(1, count(read(mutant.file), mutant.find), mutant.file)
      assert.are_not.equal(mutant.find, mutant.put)
      assert.is_nil(io.popen(("ls %s >/dev/null 2>&1 || echo missing"):format(
        mutant.specs)):read "l")
    end)
  end

  it("is one of at least 60", function()
    assert.is_true(#list >= 60)
  end)
end)
