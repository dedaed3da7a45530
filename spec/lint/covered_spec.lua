-- A stranger who looks for the tests of a module finds them under its name, or in a list.
local shell = require "support.shell"

local function exists(path)
  local file <close> = io.open(path)
  return file ~= nil
end

-- The spec of a module's own name: a/b_spec.lua; for a folder's init.lua also a_spec.lua.
local function has_own(module)
  return exists(("spec/%s_spec.lua"):format(module))
    or exists(("spec/%s_spec.lua"):format((module:gsub("/init$", ""))))
end

describe("every module of lua/watchbot", function()
  local covered = require "lint.covered"
  local modules = {}
  local command = "cd lua/watchbot && find * -name '*.lua' -not -path 'meta/*' -not -path init.lua"
  for path in shell.run(command):gmatch "[^\n]+" do modules[path:gsub("%.lua$", "")] = true end

  it("has a spec of its name, or is in spec/lint/covered.lua", function()
    local without = {}
    for module in pairs(modules) do
      if not has_own(module) and not covered[module] then without[#without + 1] = module end
    end
    table.sort(without)
    assert.are.same({}, without)
  end)

  it("is there when the list names it, and so is the spec", function()
    for module, spec in pairs(covered) do
      assert.is_true(modules[module], module .. ": there is no such module")
      assert.is_true(exists(("spec/%s_spec.lua"):format(spec)), spec)
    end
  end)
end)
