-- Whole templates, so that a change of any of them is seen. When one is meant to change:
--
--     for stack in spec/template/golden/*.lua; do build/watchbot template "$stack" > "${stack%.lua}.json"; done

local lint = require "watchbot.template.lint"
local load_file = require "watchbot.load"
local to_json = require "watchbot.template.to_json"
local scheduler = require "watchbot.scheduler"

local function contents(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

describe("the template of", function()
  for _, name in ipairs { "task", "fargate", "process" } do
    local path = "spec/template/golden/" .. name
    local made = assert(scheduler.run(load_file.template, path .. ".lua"))

    it(name .. ".lua is what it was", function() assert.are.equal(contents(path .. ".json"), to_json(made)) end)

    it(name .. ".lua is what cfn-lint finds nothing wrong with", function()
      local findings, message, code = scheduler.run(lint.run, to_json(made))
      if code == "ENOENT" then return pending "cfn-lint is not installed" end
      assert.are.same({}, findings, message)
    end)
  end
end)
