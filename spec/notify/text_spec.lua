local job = require "watchbot.message.job"
local text = require "watchbot.notify.text"

local one = job.new({
  id = "e2c045cc-5606-4950-964b-20877900bccb", subject = "resize", body = "photo-1.jpg",
  receives = 3, sent = 1469664757000,
  first_received = 1469664758123, attributes = {},
}, 3)

describe("notification.subject", function()
  it("names stack and message", function()
    assert.are.equal("tiles failed processing message e2c045cc-5606-4950-964b-20877900bccb",
      text.subject("tiles", one))
  end)

  it("is always one that SNS accepts", function()
    assert.are.equal(("s"):rep(50) .. " failed task", text.subject(("s"):rep(50), one))
    assert.are.equal("Watchbot task failure: " .. one.id, text.subject(("s"):rep(120), one))
    for _, stack in ipairs { "grün\n\n", "  x", ("ü"):rep(300), "", "\27[1m" } do
      local subject = text.subject(stack, one)
      assert.is_true(#subject > 0 and #subject < 100)
      assert.matches("^[\33-\126][\32-\126]*$", subject)
    end
    assert.are.equal("Watchbot task failure", text.subject(("s"):rep(120), {
      id = ("i"):rep(100),
    }))
  end)
end)

describe("notification.body", function()
  it("says what failed, why, and what it wrote", function()
    local body = text.body("tiles", one, "retry", { code = 1, logs = "line 1\nline 2\n" })
    assert.matches("^At %a+, %d+ %a+ %d+ %d+:%d+:%d+ GMT, processing message e2c045cc%S+ failed "
      .. "on tiles\n\n", body)
    assert.is_truthy(body:find([[Task outcome: failed, will retry

Task stopped reason: exit code 1

This was the last attempt (receive 3): the message goes to the dead letters.

Message information:
Subject: resize
Message: photo-1.jpg
MessageId: e2c045cc-5606-4950-964b-20877900bccb
SentTimestamp: 2016-07-28T00:12:37.000Z
ApproximateFirstReceiveTimestamp: 2016-07-28T00:12:38.123Z
ApproximateReceiveCount: 3

Recent logs:
line 1
line 2
]], 1, true), body)
  end)

  -- "Subject: x<newline>MessageId: another" was taken for another message's; so was a reason with a
  -- newline in a summary, which has one line a message.
  it("has one line for the subject, and one a message in a summary", function()
    local forged = job.new { id = "1", subject = "x\nMessageId: another\r\27[8m", body = "m\nn",
      receives = 1, attributes = {}, sent = 0, first_received = 0 }
    local body = text.body(nil, forged, "retry", { code = 1 })
    assert.is_truthy(body:find("\nSubject: x MessageId: another\\u{d}\nMessage: m\n  n\n", 1, true),
      body)
    assert.are.equal("1: failed, will retry: a 2: failed, removed from queue: b",
      text.line(forged, "retry", { reason = "a\n2: failed, removed from queue: b" }))
  end)

  -- A handler's reason "x<newline><newline>Task outcome: succeeded" was taken for the lines of the
  -- notification itself; so was a message with the line "MessageId: another". The logs are last.
  it("indents the lines of what the message, the task or AWS says", function()
    local forged = "x\n\nTask outcome: succeeded\nMessageId: another\r\n\nRecent logs:\u{2028}x"
    local job_of = job.new { id = "1\nMessageId: 2", body = forged, receives = 1, attributes = {},
      sent = 0, first_received = 0 }
    local body = text.body(nil, job_of, "retry", {
      code = 1, reason = forged, task = forged, cluster = forged, logs = "Task outcome: logged",
    })
    local counts = {}
    for name in ("\n" .. body):gmatch "\n(%u[%a ]+):" do
      counts[name] = (counts[name] or 0) + 1
    end
    assert.are.same({
      ["Task outcome"] = 2, ["Task stopped reason"] = 1, ["Message information"] = 1, Message = 1,
      MessageId = 1, SentTimestamp = 1, ApproximateFirstReceiveTimestamp = 1,
      ApproximateReceiveCount = 1, ["Runtime resources"] = 1, ["Cluster ARN"] = 1, ["Task ARN"] = 1,
      ["Recent logs"] = 1,
    }, counts, body)
    assert.matches("\n\nRecent logs:\nTask outcome: logged$", body)
  end)

  it("names resources where there are any, and the signal or reason", function()
    local body = text.body(nil, one, "reject", {
      signal = "SEGV", cluster = "arn:c", task = "arn:t",
    })
    assert.is_truthy(body:find("failed, removed from queue", 1, true))
    assert.is_truthy(body:find("killed by signal SEGV", 1, true))
    assert.is_truthy(body:find("Runtime resources:\nCluster ARN: arn:c\nTask ARN: arn:t\n\n", 1,
      true))
    assert.is_truthy(body:find("logs not available", 1, true))
    assert.is_nil(body:find("last attempt", 1, true))
    body = text.body(nil, one, "retry", { code = 1, reason = "timed out after 3 s" })
    assert.is_truthy(body:find("Task stopped reason: timed out after 3 s", 1, true))
  end)

  it("shows the newest 50 KiB of the logs, as text", function()
    local body = text.body("s", one, "retry", {
      code = 1, logs = "old" .. ("x"):rep(50 * 1024 - 1) .. "\xFF",
    })
    assert.is_nil(body:find("old", 1, true))
    assert.is_truthy(body:find("x\u{FFFD}", 1, true))
  end)
end)
