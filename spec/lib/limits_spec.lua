-- SQS's limit of 12 hours stood in five files, its batch of ten in six.

local limits = require "watchbot.lib.limits"

describe("limits", function()
  it("are AWS's", function()
    assert.are.same({
      batch = 10, message = 1048576, attributes = 10, wait = 20, delay = 900, visibility = 43200,
    }, limits.sqs)
    assert.are.same({ batch = 10, message = 262144, subject = 99 }, limits.sns)
    assert.are.same({ overrides = 8192, started_by = 128, described = 100 }, limits.ecs)
  end)

  it("stand in one place", function()
    for _, pattern in ipairs { "12 \\* 3600", "\\b43200\\b", "256 \\* 1024\\b", "BATCH = 10" } do
      local found = assert(io.popen(("grep -rlE '%s' lua --include=*.lua"):format(pattern)))
      for file in found:lines() do
        -- The second: how long STS lets a role last, which is another thing.
        local known = {
          ["lua/watchbot/lib/limits.lua"] = true, ["lua/watchbot/aws/provider/role.lua"] = true,
        }
        assert.is_true(known[file] == true, ("%s has '%s'"):format(file, pattern))
      end
      found:close()
    end
  end)
end)
