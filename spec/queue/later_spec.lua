-- Messages that EventBridge Scheduler sends to a queue: all that a message has travels.

local cjson = require "cjson"
local cloud = require "support.cloud"
local local_aws = require "support.local_aws"
local open_later = require("watchbot.queue.later").open
local open_queue = require("watchbot.queue").open
local scheduler = require "watchbot.scheduler"

local ROLE = "arn:aws:iam::123456789012:role/sends-later"

-- The suite's own AWS: moto has a Scheduler that never sends.
local account

local function around(body)
  return function()
    scheduler.run(function() body() end)
  end
end

describe("messages that are sent later", function()
  setup(function()
    account = cloud.of(local_aws.own())
    scheduler.run(account.open, account)
  end)
  teardown(function() account:close() end)

  local function later(url, delay, keys)
    local queue = assert(open_queue(url, { client = account.sqs }))
    return open_later(queue, {
      delay = delay, role = ROLE, client = account:client("scheduler", { credentials = keys }),
    })
  end

  it("arrive when they are due, with all that they have", around(function()
    local url = account:queue()
    local queue = assert(later(url, 2 * 86400))
    local before = scheduler.time() / 1000
    local answers = queue:send {
      { body = "one \"<aws.scheduler.attempt-number>\" \n é", subject = "s", group = "tenant",
        attributes = { tenant = { type = "String", value = "a<b" } } },
      { body = "two" },
    }
    assert.matches("^watchbot%-%x+%-", answers[1].id)
    local scheduled = account.server:schedules()
    assert.are.equal(2, #scheduled)
    for _, one in ipairs(scheduled) do
      assert.are.equal("DELETE", one.parameters.ActionAfterCompletion)
      local ahead = one.at - before - 2 * 86400
      assert.is_true(ahead >= 0 and ahead < 60, tostring(ahead))
    end
    assert.are.equal(0, account.server:send_due(2 * 86400 - 60))
    assert.are.equal(2, account.server:send_due(2 * 86400 + 60))
    assert.are.same({}, account.server:schedules())
    local plain = assert(open_queue(url, { client = account.sqs }))
    local found = {}
    while #found < 2 do
      for _, message in ipairs(assert(plain:receive(10, 1, 60))) do found[#found + 1] = message end
    end
    table.sort(found, function(a, b) return #a.body > #b.body end)
    local wrapped = cjson.decode(found[1].body)
    assert.are.equal("s", wrapped.Subject)
    assert.are.equal("one \"<aws.scheduler.attempt-number>\" \n é", wrapped.Message)
    assert.are.equal("a<b", found[1].attributes.tenant.value)
    assert.are.equal("tenant", found[1].group)
    assert.are.equal("two", found[2].body)
  end))

  it("are created once, though an answer is lost", around(function()
    local queue = assert(later(account:queue(), 3600))
    account.server:knobs { faults = { {
      operation = "CreateSchedule", count = 1, applied = true, drop = true,
    } } }
    local answers = queue:send { { body = "x" } }
    assert.is_not_nil(answers[1].id, answers[1].message)
    assert.are.equal(1, #account.server:schedules())
    account.server:send_due(7200)
  end))

  for action, words in pairs {
    ["scheduler:CreateSchedule"] = "do not allow 'scheduler:CreateSchedule'",
    ["iam:PassRole"] = "do not allow 'iam:PassRole'",
  } do
    it("name the permission that is missing: " .. action, around(function()
      local queue = assert(later(account:queue(), 3600, account:user(action)))
      local answers = queue:send { { body = "x" }, { body = "y" } }
      for _, answer in ipairs(answers) do
        assert.are.equal("NotAllowed", answer.code)
        assert.is_true(answer.unsent)
        assert.is_truthy(answer.message:find(words, 1, true), answer.message)
      end
      assert.are.same({}, account.server:schedules())
    end))
  end

  it("can be checked without a schedule", around(function()
    local url = account:queue()
    assert.is_true(assert(later(url, 0)):check())
    local queue = assert(later(url, 0, account:user "scheduler:CreateSchedule"))
    local ok, _, code = queue:check()
    assert.is_nil(ok)
    assert.are.equal("NotAllowed", code)
    assert.are.same({}, account.server:schedules())
  end))

  -- SQS takes 1 MiB, Scheduler a quarter of it.
  it("go through S3 where they are too big for Scheduler alone", around(function()
    local url, stored = account:queue(), {}
    local queue = assert(later(url, 3600))
    queue.overflow = {
      offload = function(_, message)
        stored[#stored + 1] = message.body
        return { body = '["pointer"]', attributes = message.attributes }
      end,
    }
    local big = ("x"):rep(300 * 1024)
    assert.is_not_nil(queue:send({ { body = big }, { body = "small" } })[1].id)
    assert.are.same({ big }, stored)
    account.server:send_due(7200)
    assert.are.equal(2, account:count(url))
  end))

  it("are refused by name where Scheduler cannot have them", around(function()
    local queue = assert(later(account:queue(), 3600))
    local answers = queue:send { { body = ("x"):rep(300 * 1024) }, { body = "y" } }
    assert.are.equal("MessageTooLong", answers[1].code)
    assert.matches("more than the 262144 that EventBridge Scheduler takes", answers[1].message)
    assert.is_not_nil(answers[2].id)
    local none, err, code = later(account:queue { fifo = true }, 3600)
    assert.is_nil(none)
    assert.are.equal("Usage", code)
    assert.matches("a FIFO queue delays no single message", err)
  end))
end)
