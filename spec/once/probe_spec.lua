-- What `watchbot check`, and a watcher at its start, find out about the table of keys.

local cloud = require "support.cloud"
local open = require("watchbot.once.dynamodb").open
local probe = require "watchbot.once.probe"

local QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"

local account

cloud.around(function(given) account = given end)

local function store_of(arn, keys)
  return assert(open(arn, QUEUE, account:client("dynamodb", { credentials = keys })))
end

describe("the table of keys", function()
  it("is all right, and unchanged", cloud.task(function()
    local arn = account:table()
    local store = store_of(arn)
    assert.are.same({
      { action = "dynamodb:PutItem" }, { action = "dynamodb:UpdateItem" },
      { action = "dynamodb:DeleteItem" },
    }, probe.permissions(store))
    assert.is_true(probe.check(store))
    assert.are.same({}, store.client:Scan({ TableName = store.name }).Items)
  end))

  it("is named where it is missing", cloud.task(function()
    local ok, err, code =
      probe.check(store_of "arn:aws:dynamodb:eu-west-1:123456789012:table/nowhere")
    assert.is_nil(ok)
    assert.are.equal("ResourceNotFoundException", code)
    assert.matches("table/nowhere' of 'once_table' does not exist", err, 1, true)
  end))

  for _, operation in ipairs { "PutItem", "UpdateItem", "DeleteItem" } do
    it(("names the permission %s that is missing"):format(operation), cloud.task(function()
      local store = store_of(account:table(), account:user("dynamodb:" .. operation))
      local _, err, code = probe.check(store)
      assert.are.equal("NotAllowed", code)
      assert.matches("do not allow 'dynamodb:" .. operation .. "' on arn:aws:dynamodb", err)
    end))
  end

  it("needs its time to live", cloud.task(function()
    local store = store_of(account:table())
    assert.matches("is off, not the attribute 'expiration'", probe.time_to_live(store))
    assert(store.client:UpdateTimeToLive {
      TableName = store.name,
      TimeToLiveSpecification = { AttributeName = "expiration", Enabled = true },
    })
    assert.is_nil(probe.time_to_live(store))
    assert.is_nil(probe.time_to_live(store_of(store.arn,
      account:user "dynamodb:DescribeTimeToLive")))
  end))
end)
