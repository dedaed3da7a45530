-- What a signal does to a command that holds messages, at a server that takes its time.

local cjson = require "cjson"
local http = require "watchbot.http"
local server = require "support.server"
local workshop = require "support.workshop"

local ARN = "arn:aws:sqs:eu-west-1:123456789012:dead"

-- Seconds that the server is silent: longer than anything here lasts.
local SILENCE = 600

describe("a command that is interrupted", function()
  local scripted

  setup(function() scripted = server.start("python3", "spec/support/scripted.py") end)
  teardown(function() scripted:close() end)

  local function asked()
    local all = {}
    for index, request in ipairs(cjson.decode(assert(http.request { url = scripted.url
      .. "/log" }).body)) do
      all[index] = request.headers["x-amz-target"]:match "%.(%w+)$"
    end
    return all
  end

  local LETTER = { Messages = { { MessageId = "i", ReceiptHandle = "r", Body = "b" } } }

  -- A list that has received a letter, and waits for the next one.
  local function reading(folder, ...)
    local policy = cjson.encode { deadLetterTargetArn = ARN, maxReceiveCount = 1 }
    local script = {
      { body = cjson.encode { Attributes = { RedrivePolicy = policy } } },
      { body = cjson.encode { Attributes = { QueueArn = ARN } } },
      { body = cjson.encode(LETTER) }, { delay = SILENCE }, ...,
    }
    assert(assert(http.request { method = "PUT", url = scripted.url .. "/script",
      body = cjson.encode(script) }).status == 200)
    local child = workshop.start(folder,
      { "dead-letter", "list", "--queue", scripted.url .. "/123456789012/jobs" }, {
      AWS_ENDPOINT_URL = scripted.url, AWS_ACCESS_KEY_ID = "AKID", AWS_SECRET_ACCESS_KEY = "secret",
      AWS_REGION = "eu-west-1",
      AWS_SESSION_TOKEN = false, AWS_PROFILE = false, AWS_CONFIG_FILE = "/dev/null",
      AWS_EC2_METADATA_DISABLED = "true",
      AWS_SHARED_CREDENTIALS_FILE = "/dev/null",
    })
    workshop.eventually(function() return #asked() == 4 end, "it waits for the next letter")
    return child
  end

  it("gives its messages back, and ends as signals end programs", workshop.task(function(folder)
    for signal, status in pairs { INT = 130, TERM = 143, HUP = 129 } do
      local child = reading(folder)
      child:kill(signal)
      assert.are.equal(status, assert(child:wait(workshop.PATIENCE)).code)
      local calls = asked()
      assert.are.same({ 5, "ChangeMessageVisibilityBatch" }, { #calls, calls[5] })
      assert.matches("  b\n$", child:output())
    end
  end))

  it("does not wait for that when it is interrupted again", workshop.task(function(folder)
    local child = reading(folder, { delay = SILENCE })
    child:kill "TERM"
    workshop.eventually(function() return #asked() == 5 end, "it gives back")
    child:kill "INT"
    assert.are.equal(130, assert(child:wait(workshop.PATIENCE)).code)
  end))
end)
