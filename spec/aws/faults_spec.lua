-- What networks and servers do to `watchbot run` on SQS, and that no message is lost by it: the
-- real program, moto behind the fault proxy, and a checker that counts what was sent against what
-- finished, is dead or still queued. One server for all, since it takes seconds to start; each spec
-- has a queue of its own. It is moto: the proxy itself plays a clock that is off and keys that have
-- expired, which a server that checks dates and tokens would refuse a second time.

local ground = require "support.ground"
local moto = require "support.moto"

describe("watchbot run on SQS,", function()
  local aws

  setup(function() aws = ground.start(moto.start()) end)
  teardown(function() aws:close() end)

  local function task(body, options)
    return ground.task(function() return aws end, body, options)
  end

  for _, theme in ipairs { "receive", "settle", "outage", "notify", "body" } do
    require("aws.faults." .. theme)(task)
  end
end)
