local lengths = require "lint.lengths"

local function found(path, text)
  local messages = {}
  for _, one in ipairs(lengths.findings(path, text)) do
    messages[#messages + 1] = one.line .. ": " .. one.message
  end
  return messages
end

describe("lengths", function()
  it("are counted in Lua, blocks within a function left out", function()
    local body = ("if x then for i = 1, 2 do repeat y() until z end end\n"):rep(39)
    assert.are.same({}, found("a.lua", "local function f()\n" .. body:sub(1, -1 - 53) .. "end\n"))
    assert.are.same({ "2: a function of 41 lines" },
      found("a.lua", "\nlocal function f()\n" .. body .. "end\n"))
  end)

  it("are counted in C", function()
    local body = ("    x();\n"):rep(39)
    assert.are.same({ "1: a function of 41 lines" },
      found("a.c", "int f(void) {\n" .. body .. "}\n"))
    assert.are.same({}, found("a.c", "int f(void) {\n" .. body:sub(10) .. "}\n"))
  end)

  it("are counted of files", function()
    assert.are.same({}, found("a.lua", ("x()\n"):rep(400)))
    assert.are.same({ "1: a file of 401 lines" }, found("a.lua", ("x()\n"):rep(401)))
  end)
end)
