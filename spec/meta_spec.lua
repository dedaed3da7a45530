local shell = require "support.shell"
local watchbot = require "watchbot"

-- What users require; all that is public in them is to be explained where an editor finds it.
local MODULES = {
  "policy", "log", "scheduler", "process", "http", "sqlite", "queue", "aws", "template", "testing",
  "progress",
}

local sources = {}

local function lines_of(path)
  if sources[path] then return sources[path] end
  local lines = {}
  for line in shell.read(path):gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
  sources[path] = lines
  return lines
end

-- The line that defines a function: where its body begins, or, where it is made elsewhere, what
-- assigns it.
local function definition(path, name, value)
  local info = debug.getinfo(value, "S")
  if info.source == "@" .. path
    and lines_of(path)[info.linedefined]:find("%f[%w]" .. name .. "%f[%W]") then
    return info.linedefined
  end
  for number, line in ipairs(lines_of(path)) do
    if line:find("^[%w_.]+%." .. name .. " = ") then return number end
  end
end

local function is_explained(path, name, value)
  local number = definition(path, name, value)
  return number ~= nil and lines_of(path)[number - 1]:find "^%-%-%-" ~= nil
end

describe("definitions for editors", function()
  for _, part in ipairs { "policy", "template" } do
    it(part .. " are what is declared; else: make generated", function()
      local out, code = shell.run(shell.lua "src/generate/meta.lua" .. " " .. part .. " 2>&1")
      assert.are.equal(0, code, out)
      assert.are.equal(out, shell.read(("lua/watchbot/meta/%s.lua"):format(part)))
    end)
  end

  it("are Lua, and nothing but comments and empty methods", function()
    for path in shell.run("ls lua/watchbot/meta/*.lua"):gmatch "[^\n]+" do
      assert(loadfile(path))
      assert.matches("^%-%-%-@meta\n", shell.read(path))
      for _, line in ipairs(lines_of(path)) do
        local declares = line == "" or line:find "^%-%-" or line:find "^local %w+ = {}$"
          or line:find "^function %w+:%w+%([%w, ]*%) end$"
        assert.is_truthy(declares, line)
      end
    end
  end)

  it("name every module that watchbot has", function()
    local page = shell.read "lua/watchbot/meta/watchbot.lua"
    for _, name in ipairs(MODULES) do
      assert.is_not_nil(watchbot[name])
      assert.matches("%-%-%-@field " .. name .. " ", page)
    end
  end)

  -- `progress` was public and unknown to editors, and so was the outcome "bury".
  it("name what `require \"watchbot\"` has, nothing more and nothing less", function()
    local names, named = {}, {}
    local listed = shell.read "lua/watchbot/init.lua":match "local modules = (%b{})"
    for name in listed:gmatch "([%w_]+) = \"" do names[name] = true end
    for name in pairs(watchbot) do names[name] = true end
    local page = shell.read "lua/watchbot/meta/watchbot.lua"
    for name in page:match "@class watchbot\n(.-)\n\n":gmatch "%-%-%-@field ([%w_]+) " do
      named[name] = true
      assert.is_not_nil(watchbot[name], name)
    end
    assert.are.same(names, named)
    local outcomes, aliases = {}, {}
    local _, refused = pcall(watchbot.policy, { exits = { [1] = "x" } })
    for outcome in tostring(refused):match "signal names to(.*)":gmatch "'(%l+)'" do
      outcomes[outcome] = true
    end
    for outcome in page:match "watchbot.Outcome ([^\n]*)":gmatch '"(%l+)"' do
      aliases[outcome] = true
    end
    assert.are.same(outcomes, aliases)
  end)

  it("know the class of every module that they name", function()
    local all = shell.run "cat lua/watchbot/*.lua lua/watchbot/*/*.lua"
    for class in shell.read(
      "lua/watchbot/meta/watchbot.lua"):gmatch "@field %w+ (watchbot[%w.]*)" do
      assert.matches("@class " .. class:gsub("%.", "%%.") .. "%f[^%w.]", all)
    end
  end)

  for _, name in ipairs(MODULES) do
    it("explain every function of " .. name, function()
      local path = package.searchpath("watchbot." .. name, package.path)
      for member, value in pairs(watchbot[name]) do
        if type(value) == "function" then
          assert.is_true(is_explained(path, member, value),
            ("%s.%s in %s"):format(name, member, path))
        end
      end
    end)
  end

  it("explain every method of what a test has", function()
    local path = "lua/watchbot/testing/message.lua"
    for _, name in ipairs(require "watchbot.testing.message".names) do
      local found
      for number, line in ipairs(lines_of(path)) do
        if line:find("^function Message:" .. name .. "%(") then
          found = lines_of(path)[number - 1]
        end
      end
      assert.matches("^%-%-%-", found, name)
    end
  end)

  it("are not carried by the program", function()
    local bundle = shell.read(shell.build .. "/bundle/compiled.c")
    assert.is_nil(bundle:find("watchbot.meta", 1, true))
    assert.is_not_nil(bundle:find('"watchbot.testing"', 1, true))
  end)
end)
