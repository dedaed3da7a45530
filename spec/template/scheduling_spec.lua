-- What tasks may do with Amazon EventBridge Scheduler: create schedules of one name, with one role.

local scheduling = require "watchbot.template.scheduling"
local templates = require "support.templates"

describe("the permissions to send later", function()
  it("are for watchbot's schedules, and for the stack's role", function()
    local role = { ["Fn::GetAtt"] = { "WatchbotSchedulerRole", "Arn" } }
    local create, pass = table.unpack(scheduling.of_senders { schedulerRole = role })
    assert.are.same({ "scheduler:CreateSchedule" }, create.Action)
    assert.matches(":schedule/default/watchbot%-%*$", create.Resource[1]["Fn::Sub"])
    assert.are.same({ role }, pass.Resource)
    assert.are.same(
      { StringEquals = { ["iam:PassedToService"] = "scheduler.amazonaws.com" } }, pass.Condition)
  end)

  for mode, role in pairs { process = "WatchbotRole", task = "WatchbotWorkerRole" } do
    it(("are the tasks', in mode '%s'"):format(mode), function()
      local text = require("watchbot.lib.json").encode(
        templates.make(mode, { longDelays = true }).Resources[role])
      assert.is_truthy(text:find("scheduler:CreateSchedule", 1, true))
      text = require("watchbot.lib.json").encode(templates.make(mode, {}).Resources[role])
      assert.is_nil(text:find("scheduler:CreateSchedule", 1, true))
    end)
  end
end)
