-- SQS's limit of 12 hours stood in five files, its batch of ten in six.

local limits = require "watchbot.lib.limits"

describe("limits", function()
  it("are AWS's", function()
    assert.are.same({
      batch = 10, message = 1048576, attributes = 10, wait = 20, delay = 900, visibility = 43200,
      retention = 1209600, name = 80, label = 256, id = 128, moved = 500,
    }, limits.sqs)
    assert.are.same({ batch = 10, message = 262144, subject = 99 }, limits.sns)
    assert.are.same({
      overrides = 8192, started_by = 128, described = 100, reason = 255, definition = 65536,
    }, limits.ecs)
    assert.are.same({ inline = 10240 }, limits.iam)
    assert.are.same({ payload = 6291456, batch = 10000, window = 300 }, limits.lambda)
    assert.are.same({ shortest_session = 900, longest_session = 43200 }, limits.sts)
    assert.are.same({
      body = 51200, body_in_s3 = 1048576, resources = 500, outputs = 200, parameters = 200,
      mappings = 200, id = 255, description = 1024,
    }, limits.cloudformation)
  end)

  it("stand in one place", function()
    for _, pattern in ipairs {
      "12 \\* 3600", "\\b43200\\b", "256 \\* 1024\\b", "BATCH = 10\\b", "\\b51200\\b",
      "= 6 \\* 1024 \\* 1024\\b", "14 \\* (86400|24 \\* 3600)",
    } do
      local found = assert(io.popen(("grep -rlE '%s' lua --include=*.lua"):format(pattern)))
      for file in found:lines() do
        assert.are.equal("lua/watchbot/lib/limits.lua", file, pattern)
      end
      found:close()
    end
  end)
end)
