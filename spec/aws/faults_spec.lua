-- What networks and servers do to `watchbot run` on SQS, and that no message is lost by it: the
-- real program, the local AWS behind the fault proxy, and a checker that counts what was sent
-- against what finished, is dead or still queued. One server for all; each spec has another queue.

local ground = require "support.ground"
local local_aws = require "support.local_aws"

describe("watchbot run on SQS,", function()
  local aws

  setup(function() aws = ground.start(local_aws.own()) end)
  teardown(function() aws:close() end)

  local function task(body, options)
    return ground.task(function() return aws end, body, options)
  end

  for _, theme in ipairs { "receive", "settle", "outage", "notify", "body" } do
    require("aws.faults." .. theme)(task)
  end
end)
