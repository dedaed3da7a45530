-- What `string.dump` writes, compared with what `debug` says of the same functions.
local bytecode = require "watchbot.lib.bytecode"

-- Lines that have code, by debug.getinfo.
local function active(chunk)
  local lines = {}
  for line in pairs(debug.getinfo(chunk, "L").activelines) do lines[line] = true end
  return lines
end

local function lines_of(main)
  local lines = {}
  for _, line in ipairs(main.lines) do lines[line] = true end
  return lines
end

describe("lib.bytecode", function()
  it("reads constants, locals, upvalues and nested functions", function()
    local main = bytecode.read(assert(load [[
local first, second = "short", ("long"):rep(20)
local number, float, none = 7, 2.5, nil
return function(a) return function() return a, first, missing end end]]))
    assert.are.same({ "first", "second", "number", "float", "none" }, main.locals)
    local constants = {}
    for _, value in pairs(main.constants) do constants[value] = true end
    assert.is_true(constants.short and constants.long and constants[2.5])
    local outer = main.prototypes[1]
    assert.are.same({ "a" }, outer.locals)
    local inner = outer.prototypes[1]
    assert.is_true(inner.upvalues[0].in_stack)
    assert.is_false(inner.upvalues[1].in_stack)
    assert.are.same({}, inner.prototypes)
  end)

  -- Steps of more than 127 lines, and each 128th instruction, have an absolute line.
  it("finds the line of each instruction, however long the file is", function()
    local words = {}
    for index = 1, 700 do
      words[index] = ("local function f() return %d end f(%d, 'x%d')%s"):format(index, index, index,
        index % 100 == 0 and ("\n"):rep(300) or "")
    end
    local chunk = assert(load("do " .. table.concat(words, " end\ndo ") .. " end"))
    local main = bytecode.read(chunk)
    assert.are.equal(#main.code, #main.lines)
    assert.are.same(active(chunk), lines_of(main))
    assert.are.equal(700, #main.prototypes)
  end)

  it("reads each file of watchbot", function()
    local files <close> = assert(io.popen "find lua -name '*.lua'")
    for path in files:lines() do
      local chunk = assert(loadfile(path))
      local lines = lines_of(assert(bytecode.read(chunk)))
      for line in pairs(active(chunk)) do assert.is_true(lines[line], path .. ":" .. line) end
    end
  end)
end)
