local requires = require "lint.requires"

local function modules(source)
  local all = {}
  for _, one in ipairs(requires.of(source)) do all[#all + 1] = one.module end
  return all
end

describe("what a file requires", function()
  it("is read in each form of the call", function()
    assert.are.same({ "a.b", "c", "d", "e" }, modules [[
      local b = require "a.b"
      local c, x = require('c'), 1
      return function() return require "d".field, (require [=[e]=]) end]])
  end)

  it("is no text in a comment or a string, and no computed name", function()
    assert.are.same({}, modules [[
      -- local watchbot = require "watchbot"
      local text = 'require "x"'
      local part = require("watchbot." .. name)
      return other.require "y"]])
  end)
end)

-- `grep policies.` finds no file policies.lua: a module is looked for under the name that the code
-- uses.
describe("the name of a require", function()
  local function wrong(source) return #requires.misnamed(source) end

  it("is the module's last part, or the field's that is taken", function()
    assert.are.equal(0, wrong 'local policy = require "watchbot.policy"')
    assert.are.equal(0, wrong 'local http = require "watchbot.core".http')
    assert.are.equal(0, wrong 'local core = require "watchbot.core".http')
    assert.are.equal(0, wrong 'local open_queue = require("watchbot.queue").open')
    assert.are.equal(0, wrong 'local policy_kind = require("watchbot.policy").kind')
    assert.are.equal(1, wrong 'local opened = require("watchbot.queue").open')
    assert.are.equal(1, wrong 'local policies = require "watchbot.policy"')
    assert.are.equal(1, wrong 'local digest = require "watchbot.core".aws')
    assert.are.equal("'watchbot.policy' is bound to the name 'policies'; call it 'policy'",
      requires.misnamed 'local policies = require "watchbot.policy"'[1].message)
  end)

  it("is free where something is called, or a name of Lua's own would be hidden", function()
    assert.are.equal(0, wrong 'local now = require "watchbot.scheduler".time()')
    assert.are.equal(0, wrong 'local found = require "watchbot.cli.target".find { a = 1 }')
    assert.are.equal(0, wrong 'local tables = require "watchbot.progress.dynamodb.table"')
  end)
end)
