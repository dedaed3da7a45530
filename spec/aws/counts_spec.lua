local aws = require "watchbot.aws"
local counts = require "watchbot.aws.counts"
local scheduler = require "watchbot.scheduler"

-- A client whose requests are answered one after the other.
local function client_of(...)
  local responses, index = { ... }, 0
  return aws("sqs", {
    region = "eu-west-1", credentials = { access_key = "A", secret_key = "s" },
    retry = { base = 0.001, cap = 0.001, throttled_base = 0.001 },
    request = function()
      index = index + 1
      return responses[index]
    end,
  })
end

local function response(status, body) return { status = status, headers = {}, body = body } end

local function count(name)
  return (counts.all(name).sqs or {}).ListQueues or 0
end

describe("the counts of AWS calls", function()
  it("are of requests, retries, throttles and failures, by service and operation", function()
    local before = {}
    for _, name in ipairs { "requests", "retries", "throttles", "failures" } do
      before[name] = count(name)
    end
    scheduler.run(function()
      local client = client_of(response(400, '{"__type":"ThrottlingException"}'),
        response(503, ""), response(200, "{}"), response(400, '{"__type":"InvalidAddress"}'))
      assert(client:ListQueues {})
      assert.is_nil(client:ListQueues {})
    end)
    local function more(name) return count(name) - before[name] end
    assert.are.same({ 4, 2, 1, 3 },
      { more "requests", more "retries", more "throttles", more "failures" })
  end)
end)
