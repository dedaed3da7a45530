-- Which IAM actions a watcher's credentials lack on a queue, asked of the local AWS.

local cloud = require "support.cloud"
local local_aws = require "support.local_aws"
local permissions = require "watchbot.queue.sqs.permissions"
local open_queue = require("watchbot.queue").open
local workshop = require "support.workshop"

local task = workshop.task

describe("the permissions on a queue", function()
  local server, account

  setup(task(function()
    server = local_aws.own()
    account = cloud.of(server)
    account:open()
  end))
  teardown(function() server:close() end)

  local function open(denied, url)
    return assert(open_queue(url or account:queue(), {
      client = account:client("sqs", { credentials = account:user(denied), max_attempts = 1 }),
    }))
  end

  it("are all there, and a message stays where it is", task(function()
    local url = account:queue()
    assert(account.sqs:SendMessage { QueueUrl = url, MessageBody = "one" })
    assert.is_true(permissions.check(open(nil, url)))
    for _, permission in ipairs(permissions.list(open(nil, url))) do
      assert.is_nil(permission.err)
    end
    local received = assert(account.sqs:ReceiveMessage { QueueUrl = url,
      AttributeNames = { "All" } })
    assert.are.equal("1", received.Messages[1].Attributes.ApproximateReceiveCount)
  end))

  it("are missing one by one", task(function()
    for index, action in ipairs { "GetQueueAttributes", "DeleteMessage",
      "ChangeMessageVisibility" } do
      local found = permissions.list(open("sqs:" .. action))
      assert.are.equal(3, #found)
      for other, permission in ipairs(found) do
        assert.are.equal(other == index and "NotAllowed" or nil, permission.code)
      end
      if index > 1 then
        assert.are.equal("NotAllowed",
          (select(3, permissions.check(open("sqs:" .. action)))))
      end
    end
  end))

  it("are not known of a queue that is not there", task(function()
    local found = permissions.list(open(nil, account:queue() .. "-gone"))
    assert.are.equal(1, #found)
    assert.matches("does not exist", found[1].err)
  end))
end)
