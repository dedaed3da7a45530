-- A pause of an SQS queue is a tag of it, read and written on the local AWS.

local cloud = require "support.cloud"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local task = workshop.task

describe("a pause of an SQS queue", function()
  local account
  cloud.around_own(function(made) account = made end)

  local function tags(queue)
    return assert(account.sqs:ListQueueTags { QueueUrl = queue.name }).Tags
  end

  it("is a tag that people can read, next to those of the queue", task(function()
    local queue = account:queue_of_user()
    assert(account.sqs:TagQueue { QueueUrl = queue.name, Tags = { team = "tiles" } })
    assert.is_true(queue:pause())
    assert.are.same({ team = "tiles", ["watchbot-paused"] = "resume" }, tags(queue))
    assert.is_true(queue:pause(600))
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$", tags(queue)["watchbot-paused"])
    assert.is_true(queue:resume())
    assert.are.same({ team = "tiles" }, tags(queue))
  end))

  it("is over when its time has passed; one that cannot be read is none that ends", task(function()
    local queue = account:queue_of_user()
    local function set(value)
      assert(account.sqs:TagQueue { QueueUrl = queue.name, Tags = { ["watchbot-paused"] = value } })
      return assert(queue:pauses())
    end
    assert.are.same({}, set "2020-01-01T00:00:00Z")
    assert.are.same({ { ends = 4102444800000 } }, set "2100-01-01T00:00:00Z")
    for _, value in ipairs { "resume", "tomorrow", "", "true" } do
      assert.are.same({ {} }, set(value))
    end
    assert.is_true(scheduler.time() < 4102444800000)
  end))

  it("names the permission that is missing", task(function()
    local url = account:queue()
    for action, call in pairs {
      TagQueue = function(queue) return queue:pause() end,
      UntagQueue = function(queue) return queue:resume() end,
      ListQueueTags = function(queue) return queue:pauses() end,
    } do
      local ok, err, code = call(account:queue_of_user("sqs:" .. action, url))
      assert.is_nil(ok)
      assert.are.equal("NotAllowed", code)
      assert.matches("the credentials do not allow 'sqs:" .. action .. "'", err, 1, true)
    end
    -- Credentials that may not read the tags may still end a pause.
    assert.is_true(account:queue_of_user("sqs:ListQueueTags", url):resume())
  end))

  it("is not one of a group, for a reason", task(function()
    local queue = account:queue_of_user()
    for _, operation in ipairs { "pause", "resume" } do
      local arguments = operation == "pause" and { nil, "acme" } or { "acme" }
      local ok, err, code = queue[operation](queue, table.unpack(arguments, 1, 2))
      assert.is_nil(ok)
      assert.are.equal("Usage", code)
      assert.matches("SQS hands out the messages of all groups", err)
    end
    assert.are.same({}, assert(queue:pauses()))
  end))

  it("the specs' own SQS refuses what AWS refuses as a tag", task(function()
    local url = account:queue()
    for key, value in pairs {
      ["aws:x"] = "1", [("k"):rep(129)] = "1", ["a*b"] = "1", long = ("v"):rep(257), odd = "a,b",
    } do
      local _, _, code = account.sqs:TagQueue { QueueUrl = url, Tags = { [key] = value } }
      assert.are.equal("InvalidParameterValue", code, key)
    end
    local _, _, code = account.sqs:UntagQueue { QueueUrl = url }
    assert.are.equal("MissingParameter", code)
    assert.is_nil(assert(account.sqs:ListQueueTags { QueueUrl = url }).Tags)
  end))
end)
