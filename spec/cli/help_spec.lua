local cli = require "watchbot.cli"
local fields = require "watchbot.policy.fields"
local hooks = require "watchbot.policy.hooks"
local policy = require "watchbot.policy"
local workshop = require "support.workshop"

local task, run = workshop.task, workshop.run

-- => what it prints
local function printed(folder, ...)
  local exit, out, problem = run(folder, { ... })
  assert.are.equal(0, exit.code, problem)
  return out
end

local function refused(folder, pattern, ...)
  local exit, out, problem = run(folder, { ... })
  assert.are.equal(2, exit.code)
  assert.are.equal("", out)
  assert.matches(pattern, problem)
end

describe("watchbot help", function()
  it("lists every command once, and what each is for", task(function(folder)
    local out = printed(folder, "help")
    assert.are.equal(out, printed(folder, "--help"))
    assert.are.equal(out, printed(folder, "help", "help"))
    for _, command in ipairs(cli.commands) do
      local _, count = out:gsub("\n  " .. command[1]:gsub("%-", "%%-") .. " +%u", "")
      assert.are.equal(1, count, command[1])
    end
    local exit, shown = run(folder, {})
    assert.are.same({ 2, out }, { exit.code, shown })
  end))

  it("COMMAND says what COMMAND --help says", task(function(folder)
    for _, command in ipairs(cli.commands) do
      local out = printed(folder, command[1], "--help")
      assert.are.equal(out, printed(folder, "help", command[1]):sub(1, #out))
      assert.matches("usage: watchbot " .. command[1]:gsub("%-", "%%-"), out)
      for _, option in ipairs(require(command[2]).options) do
        assert.is_truthy(out:find("--" .. option.name, 1, true), option.name)
      end
    end
  end))

  it("has an example for each command of this file's making", task(function(folder)
    for _, name in ipairs { "run", "listen", "check", "test", "init" } do
      assert.matches("\nexamples:\n  ", printed(folder, "help", name))
    end
  end))

  it("policy tells of every field and hook", task(function(folder)
    local out = printed(folder, "help", "policy")
    for _, name in ipairs(fields.names) do assert.matches("\n" .. name .. "[ ,\n]", out) end
    for _, name in ipairs(policy.hook_names) do
      assert.matches("\nfunction policy:" .. name .. "%(", out)
    end
    for line in out:gmatch "[^\n]+" do assert.is_true(#line <= 100, line) end
  end))

  it("template tells of every option", task(function(folder)
    local options = require "watchbot.template.options"
    if not options.describe then
      return pending "the template's options do not describe themselves yet"
    end
    local out = printed(folder, "help", "template")
    for _, option in ipairs(options.declared) do
      assert.is_truthy(out:find(option.name, 1, true), option.name)
    end
  end))

  it("knows what was meant", task(function(folder)
    refused(folder, "no help for 'polcy'; did you mean 'policy'%?", "help", "polcy")
    refused(folder, "no help for 'tset'; did you mean 'test'%?", "help", "tset")
    refused(folder, "no help for 'xyzzy' %(see watchbot help%)", "help", "xyzzy")
    refused(folder, "unknown command 'chekc'; did you mean 'check'%?", "chekc")
    -- A mistyped option in place of a command was an unknown command, without a hint.
    refused(folder, "unknown option '%-%-versoin'; did you mean '%-%-version'%?", "--versoin")
    refused(folder, "unknown command 'halp'; did you mean 'help'%?", "halp")
  end))
end)

describe("the declared hooks", function()
  it("are those that a policy has", function()
    local names = {}
    for index, hook in ipairs(hooks) do names[index] = hook.name end
    table.sort(names)
    assert.are.same(policy.hook_names, names)
  end)
end)
