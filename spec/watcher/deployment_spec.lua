-- Whether a deployment has replaced the task, against a server that answers as ECS and its metadata
-- endpoint do.

local aws = require "watchbot.aws"
local deployment = require "watchbot.watcher.deployment"
local http = require "watchbot.http"
local server = require "support.server"
local scheduler = require "watchbot.scheduler"

describe("the deployment of a task", function()
  local ecs

  before_each(function() ecs = server.start("python3", "spec/support/ecs_agent.py") end)
  after_each(function() ecs:close() end)

  local function state_when(how)
    assert(http.request {
      url = ecs.url .. "/deployment", method = "POST", body = how, direct = true,
    })
    return deployment.new {
      uri = ecs.url .. "/v4", client = function(region)
        return aws.client("ecs", { region = region, endpoint = ecs.url, max_attempts = 1,
          credentials = { access_key = "a", secret_key = "b" } })
      end,
    }:state()
  end

  for how, expected in pairs { current = "current", replaced = "replaced", forced = "replaced",
    standalone = "current" } do
    it(("is '%s' of a task that is %s"):format(expected, how), function()
      scheduler.run(function() assert.are.equal(expected, state_when(how)) end)
    end)
  end

  it("is not known where ECS may not be asked, or there is no metadata", function()
    scheduler.run(function()
      local state, err = state_when "denied"
      assert.is_nil(state)
      assert.matches("ecs:DescribeTasks", err)
      state, err = deployment.new({ uri = ecs.url .. "/nothing" }):state()
      assert.is_nil(state)
      assert.matches("task metadata: unexpected answer", err)
      assert.is_nil(deployment.new { uri = "" })
    end)
  end)
end)
