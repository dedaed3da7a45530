-- What a message group means: on a standard queue of SQS it was taken for an order.

local groups = require "watchbot.queue.groups"
local workshop = require "support.workshop"

local SQS = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"

describe("message groups", function()
  it("are an order, or tenants on a standard queue", function()
    for url, case in pairs {
      ["sqlite:jobs.db"] = { "^an order", "all watchers of the file" },
      [SQS .. ".fifo"] = { "^an order", "for each watcher alone" },
      [SQS] = { "^tenants of a fair queue, without an order", "for each watcher alone" },
    } do
      local meaning, reach = groups.of(url)
      assert.matches(case[1], meaning)
      assert.matches(case[2], reach)
    end
    assert.is_nil(groups.of(nil))
  end)

  -- A list of limits made `watchbot check` raise.
  it("and limits are shown by check", workshop.task(function(folder)
    for url, words in pairs {
      [folder:url()] = "over all watchers of the file", [SQS] = "for each watcher alone",
    } do
      folder:write("policy.lua", ([[return require "watchbot".policy {
        queue = %q, command = "true", limits = { { by = "group", rate = "50/min" },
          { by = function() end, concurrency = 1 } } }]]):format(url))
      local _, out, problem = workshop.run(folder, { "check", "policy.lua" }, {
        AWS_EC2_METADATA_DISABLED = "true", AWS_ENDPOINT_URL = "http://127.0.0.1:1",
        AWS_MAX_ATTEMPTS = "1",
      })
      assert.matches("limits +by=group, rate=50/min; by=a function, concurrency=1\n", out, problem)
      assert.matches("limits hold +" .. words, out)
      assert.matches("groups +%a", out)
    end
  end))
end)
