-- Whole templates, so that each change of them is seen. To accept a change: make generated

local cfn_lint = require "support.cfn_lint"
local load_file = require "watchbot.policy.load"
local scheduler = require "watchbot.scheduler"
local to_json = require "watchbot.template.to_json"
local workshop = require "support.workshop"

local NAMES = { "existing", "fargate", "fifo", "lambda", "managed", "process",
  "task" }
local FOLDER = "spec/template/golden/"

local function contents(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function made_of(path) return to_json(assert(scheduler.run(load_file.template, path))) end

describe("the template of", function()
  for _, name in ipairs(NAMES) do
    it(name .. ".lua is what it was", function()
      assert.are.equal(contents(FOLDER .. name .. ".json"), made_of(FOLDER .. name .. ".lua"))
    end)
  end

  it("each of them, and of the example, is one that cfn-lint accepts",
    workshop.task(function(folder)
    local paths = { folder:write("tiles.json",
      to_json(assert(load_file.template "doc/examples/tiles/stack.lua"))) }
    for _, name in ipairs(NAMES) do paths[#paths + 1] = FOLDER .. name .. ".json" end
    assert.are.same({}, cfn_lint.run(paths))
  end))
end)
