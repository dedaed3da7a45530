-- Which IAM actions a watcher's credentials lack on a queue, asked of the local AWS.

local cloud = require "support.cloud"
local permissions = require "watchbot.queue.sqs.permissions"
local workshop = require "support.workshop"

local task = workshop.task

describe("the permissions on a queue", function()
  local account
  cloud.around_own(function(made) account = made end)

  it("are all there, and a message stays where it is", task(function()
    local url = account:queue()
    assert(account.sqs:SendMessage { QueueUrl = url, MessageBody = "one" })
    assert.is_true(permissions.check(account:queue_of_user(nil, url)))
    for _, permission in ipairs(permissions.list(account:queue_of_user(nil, url))) do
      assert.is_nil(permission.err)
    end
    local received = assert(account.sqs:ReceiveMessage { QueueUrl = url,
      AttributeNames = { "All" } })
    assert.are.equal("1", received.Messages[1].Attributes.ApproximateReceiveCount)
  end))

  it("are missing one by one", task(function()
    for index, action in ipairs { "GetQueueAttributes", "DeleteMessage",
      "ChangeMessageVisibility" } do
      local found = permissions.list(account:queue_of_user("sqs:" .. action))
      assert.are.equal(3, #found)
      for other, permission in ipairs(found) do
        assert.are.equal(other == index and "NotAllowed" or nil, permission.code)
      end
      if index > 1 then
        assert.are.equal("NotAllowed",
          (select(3, permissions.check(account:queue_of_user("sqs:" .. action)))))
      end
    end
  end))

  it("are not known of a queue that is not there", task(function()
    local found = permissions.list(account:queue_of_user(nil, account:queue() .. "-gone"))
    assert.are.equal(1, #found)
    assert.matches("does not exist", found[1].err)
  end))
end)
