-- `watchbot run` and `send` on AWS as their users have them: the real program, on moto over real
-- HTTP with signatures checked.

local cjson = require "cjson"
local cloud = require "support.cloud"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local run, start, eventually = workshop.run, workshop.start, workshop.eventually

local account, proxy

local function task(body) return workshop.task(body) end

local function environment(more, keys, url)
  local variables = account:environment(keys, url)
  for name, value in pairs(more or {}) do variables[name] = value end
  return variables
end

-- The watcher's own lines of a log.
local function watcher_lines(log)
  local lines = {}
  for json in log:gmatch "%[watcher%][^{\n]*(%b{})\n" do lines[#lines + 1] = cjson.decode(json) end
  return lines
end

local function last_line(log)
  local lines = watcher_lines(log)
  return lines[#lines]
end

local function send(url, ...)
  for _, body in ipairs { ... } do
    assert(account.sqs:SendMessage { QueueUrl = url, MessageBody = body })
  end
end

local HEAD = "local policy = require 'watchbot'.policy {\n%s}\nfunction policy:backoff() return 0 "
  .. "end\nreturn policy\n"

local function policy(folder, fields, text)
  return folder:write("policy.lua", (text or HEAD):format(fields))
end

-- The notifications in a queue: { Subject =, Message = }.
local function mails(url)
  local all = {}
  for index, message in ipairs(account:messages(url)) do all[index] = cjson.decode(message.Body) end
  return all
end

cloud.around(function(...) account, proxy = ... end, "proxy")

describe("watchbot run on SQS", function()
  it("runs what comes from SNS, enveloped or raw, with a subject or without, and what comes "
    .. "straight", task(function(folder)
    local url = account:queue()
    local enveloped, raw = account:topic { { url = url } },
      account:topic { { url = url, raw = true } }
    local zoom = { zoom = { DataType = "Number", StringValue = "7" } }
    assert(account.sns:Publish {
      TopicArn = enveloped, Subject = "resize", Message = "1", MessageAttributes = zoom,
    })
    assert(account.sns:Publish { TopicArn = enveloped, Message = "2" })
    assert(account.sns:Publish { TopicArn = raw, Message = "3", MessageAttributes = zoom })
    assert(account.sns:Publish {
      TopicArn = raw, Subject = "lost with the envelope", Message = "4",
    })
    assert(account.sqs:SendMessage { QueueUrl = url, MessageBody = '{"Message":"5"}',
      MessageAttributes = {
      bytes = { DataType = "Binary", BinaryValue = "AAE=" },
    } })
    policy(folder, [[workers = 5,
      command = 'printf "%s|%s|%s\\n" "${Subject-none}" "$Message" "$MessageAttributes" >> seen',]])
    local exit, log, problem =
      run(folder, { "run", "--drain", "policy.lua" }, environment { QueueUrl = url })
    assert.are.equal(0, exit.code, log .. problem)
    local seen = folder:lines "seen"
    for index, line in ipairs(seen) do -- members of JSON come in any order
      seen[index] = line:gsub('{"Value":("[^"]*"),"Type":("[^"]*")}', '{"Type":%2,"Value":%1}')
    end
    table.sort(seen)
    assert.are.same({
      'none|2|',
      'none|3|{"zoom":{"Type":"Number","Value":"7"}}',
      'none|4|',
      'none|{"Message":"5"}|{"bytes":{"Type":"Binary","Value":"AAE="}}',
      'resize|1|{"zoom":{"Type":"Number","Value":"7"}}',
    }, seen)
    assert.are.equal(0, account:count(url))
    assert.are.equal(5, last_line(log).complete)
  end))

  it("deletes, returns or dead-letters by the exit code, and notifies with the recent logs",
    task(function(folder)
    local url, dead = account:queue { max_receives = 2 }
    local inbox = account:queue()
    send(url, "0", "3", "4", "7")
    policy(folder, [[workers = 2, stack = "tiles", attributes = false, timestamps = "epoch",
      command = 'test $Message$ApproximateReceiveCount = 42 && exit 0; ' ..
        'echo "this is $Message, $ApproximateReceiveCount"; ' ..
        'test $Message = 7 && head -c 60000 /dev/zero | tr "\\0" x && '
          .. 'printf "\nnewest \\033[31mred\\033[0m\n"; ' ..
        'exit $Message',]])
    local exit, log, problem = run(folder, { "run", "--drain", "policy.lua" },
      environment { QueueUrl = url, NotificationTopic = account:topic { { url = inbox } } })
    assert.are.equal(0, exit.code, log .. problem)
    local stopped = last_line(log)
    assert.are.same({ 2, 1, 1, 2 },
      { stopped.complete, stopped.reject, stopped.release, stopped.retry })
    assert.are.equal(0, account:count(url))
    local letters = account:messages(dead)
    assert.are.same({ 1, "7" }, { #letters, letters[1] and letters[1].Body })
    local found = {}
    for _, mail in ipairs(mails(inbox)) do
      local which = mail.Message:match "\nMessage: (%d)\n"
        .. mail.Message:match "ApproximateReceiveCount: (%d)"
      assert.matches("^tiles failed processing message %x+%-", mail.Subject)
      found[which] = mail.Message
    end
    assert.is_true(found["31"] and found["71"] and found["72"] and not found["41"]
      and not found["01"])
    assert.matches("Task outcome: failed, removed from queue\n", found["31"])
    assert.matches("Recent logs:\nthis is 3, 1\n$", found["31"])
    assert.matches("Task outcome: failed, will retry\n", found["71"])
    assert.is_nil(found["71"]:find("last attempt", 1, true))
    assert.matches("This was the last attempt %(receive 2%): the message goes to the dead "
      .. "letters%.", found["72"])
    local logs = found["72"]:match "Recent logs:\n(.*)$"
    assert.matches("xxxx\nnewest red\n$", logs)
    assert.is_nil(logs:find("this is", 1, true))
    assert.is_true(#logs > 49 * 1024 and #logs <= 50 * 1024)
  end))

  it("keeps the order of a group while its head fails", task(function(folder)
    local url = account:queue { fifo = true }
    for index = 1, 3 do
      for _, group in ipairs { "a", "b" } do
        assert(account.sqs:SendMessage { QueueUrl = url, MessageBody = group .. index,
        MessageGroupId = group,
          MessageDeduplicationId = group .. index })
      end
    end
    policy(folder, [[workers = 4,
      command = 'echo $Message >> $MessageGroupId; ' ..
        'test $Message != a1 -o $ApproximateReceiveCount -ge 3',]])
    local exit, log, problem =
      run(folder, { "run", "--drain", "policy.lua" }, environment { QueueUrl = url })
    assert.are.equal(0, exit.code, log .. problem)
    assert.are.same({ "a1", "a1", "a1", "a2", "a3" }, folder:lines "a")
    assert.are.same({ "b1", "b2", "b3" }, folder:lines "b")
  end))

  it("sends notify_limit notifications a minute and the rest in one summary, at the end too",
    task(function(folder)
    local url, inbox = account:queue(), account:queue()
    local jobs = 60
    run(folder, { "send", "--queue", url }, environment { stdin = ("x\n"):rep(jobs) })
    policy(folder, "workers = 20, notify_limit = 7, stack = 'b', command = 'exit 3',")
    local started = scheduler.now()
    local exit, log, problem = run(folder, { "run", "--drain", "policy.lua" },
      environment { QueueUrl = url, NotificationTopic = account:topic { { url = inbox } } })
    local in_a_minute = scheduler.now() - started < 60
    assert.are.equal(0, exit.code, log .. problem)
    assert.are.equal(jobs, last_line(log).reject)
    local single, summed = 0, 0
    for _, mail in ipairs(mails(inbox)) do
      local more = mail.Subject:match "^b: (%d+) more failures$"
      if more then
        summed = summed + more
        assert.matches("more failures on b in the last minute:\n\n%x+%-%S+: failed, removed from "
          .. "queue: exit code 3\n",
          mail.Message)
        assert.matches("\nand %d+ more$", mail.Message)
      else
        single = single + 1
      end
    end
    assert.are.equal(jobs, single + summed)
    if in_a_minute then assert.are.equal(7, single) end
  end))

  it("notifies of a retry from its notify_after on, of the last attempt and of a reject always",
    task(function(folder)
    local url, inbox = account:queue { max_receives = 3 }, account:queue()
    send(url, "1", "3")
    policy(folder, "workers = 2, notify_after = 9, command = 'exit $Message',")
    run(folder, { "run", "--drain", "policy.lua" },
      environment { QueueUrl = url, NotificationTopic = account:topic { { url = inbox } } })
    local about = {}
    for index, mail in ipairs(mails(inbox)) do
      about[index] = mail.Message:match "\nMessage: (%d)\n"
        .. mail.Message:match "ApproximateReceiveCount: (%d)"
    end
    table.sort(about)
    assert.are.same({ "13", "31" }, about)
  end))

  it("opens one long poll while the queue is empty, ends soon on SIGTERM and gives back what the "
    .. "poll brings",
    task(function(folder)
      local url = account:queue()
      proxy:clear()
      policy(folder, "workers = 40, visibility = 600, drain = 0, command = 'sleep 600',")
      local child = start(folder, { "run", "policy.lua" },
        environment({ QueueUrl = url }, nil, proxy.url))
      eventually(function() return #proxy:log "ReceiveMessage" > 0 end, "a poll is open")
      scheduler.sleep(0.3)
      assert.are.equal(1, #proxy:log "ReceiveMessage")
      local stopped_at = scheduler.now()
      child:kill "TERM"
      assert.are.equal(0, child:wait(workshop.PATIENCE).code)
      assert.is_true(scheduler.now() - stopped_at < 10, "it waited for the poll of 20 s")

      url = account:queue()
      send(url, "x")
      proxy:clear()
      proxy:add { kind = "delay-answer", operation = "ReceiveMessage", delay = 0.5, count = 1 }
      child = start(folder, { "run", "policy.lua" },
        environment({ QueueUrl = url }, nil, proxy.url))
      eventually(function() return
        (proxy:log "ReceiveMessage"[1] or { applied = 0 }).applied == 1 end, "it is received")
      child:kill "TERM"
      assert.are.equal(0, child:wait(workshop.PATIENCE).code)
      assert.are.equal(1, #account:messages(url))
    end))
end)

describe("watchbot run says in one line, with status 1,", function()
  local function refused(folder, variables, option)
    local words = option and { "run", option, "--", "true" } or { "run", "--", "true" }
    local exit, log, problem = run(folder, words, variables)
    assert.are.equal(1, exit.code, log .. problem)
    assert.matches("^watchbot: [^\n]+\n$", problem)
    return problem
  end

  it("that there are no credentials, and where it looked", task(function(folder)
    local nobody = environment {
      QueueUrl = account:queue(), AWS_ACCESS_KEY_ID = false, AWS_SECRET_ACCESS_KEY = false,
    }
    local problem = refused(folder, nobody)
    assert.matches("no AWS credentials", problem)
    assert.matches("AWS_ACCESS_KEY_ID", problem)
  end))

  it("that the secret is wrong, without showing it", task(function(folder)
    local keys = { access_key = account.keys.access_key, secret_key = "wrongsecretwrongsecret" }
    local problem = refused(folder, environment({ QueueUrl = account:queue() }, keys))
    assert.matches("does not match the signature you provided", problem, 1, true)
    assert.is_nil(problem:find("wrongsecret", 1, true))
  end))

  it("that the queue or the topic does not exist", task(function(folder)
    local url = account:queue()
    local gone = refused(folder, environment { QueueUrl = url .. "-gone" })
    assert.is_truthy(gone:find(("queue %s-gone does not exist\n"):format(url), 1, true), gone)
    local arn = account:topic() .. "-gone"
    local problem = refused(folder, environment { QueueUrl = url, NotificationTopic = arn })
    assert.is_truthy(problem:find("topic " .. arn .. " does not exist", 1, true), problem)
    assert.matches("is not a topic: expected arn:aws:sns:", select(3, run(folder, {
      "run", "--", "true",
    },
      environment { QueueUrl = url, NotificationTopic = "alerts" })))
  end))

  it("which permission is missing", task(function(folder)
    local url, topic = account:queue(), account:topic()
    for _, action in ipairs { "sqs:ReceiveMessage", "sqs:DeleteMessage",
      "sqs:ChangeMessageVisibility", "sns:Publish" } do
      local problem =
        refused(folder,
        environment({ QueueUrl = url, NotificationTopic = topic }, account:user(action)))
      assert.is_truthy(problem:find(("the credentials do not allow '%s' on "):format(action), 1,
        true), problem)
    end
    local without_counts = account:user "sqs:GetQueueAttributes"
    assert.matches("'sqs:GetQueueAttributes'",
      refused(folder, environment({ QueueUrl = url }, without_counts), "--drain"))
  end))
end)

describe("watchbot run", function()
  it("needs sqs:GetQueueAttributes only for what it then goes without", task(function(folder)
    local url = account:queue()
    send(url, "x")
    local child = start(folder, { "run", "--", "sh", "-c", "echo done > done" },
      environment({ QueueUrl = url }, account:user "sqs:GetQueueAttributes"))
    eventually(function() return folder:read "done" == "done\n" end, "the message is done")
    eventually(function() return account:count(url) == 0 end, "the message is deleted")
    child:kill "TERM"
    assert.are.equal(0, child:wait(workshop.PATIENCE).code)
    assert.matches('"warning":"the credentials do not allow \'sqs:GetQueueAttributes\'',
      (child:output()))
  end))

  it("starts when the topic cannot be checked just now", task(function(folder)
    local url = account:queue()
    send(url, "x")
    proxy:clear()
    proxy:add { kind = "status", operation = "Publish", status = 503, code = "ServiceUnavailable" }
    local exit, log = run(folder, { "run", "--drain", "--", "true" },
      environment({ QueueUrl = url, NotificationTopic = account:topic() }, nil, proxy.url))
    assert.are.equal(0, exit.code, log)
    assert.matches("the notification topic could not be checked: ", log)
    assert.are.equal(1, last_line(log).complete)
  end))
end)

describe("watchbot send on AWS", function()
  local lines = {}
  for index = 1, 23 do lines[index] = "message " .. index end
  local stdin = table.concat(lines, "\n") .. "\n"

  local function sent(folder, arguments, more)
    proxy:clear()
    local variables = environment(more, nil, proxy.url)
    local exit, out, problem = run(folder, { "send", table.unpack(arguments) }, variables)
    assert.are.equal(0, exit.code, problem)
    return select(2, out:gsub("[^\n]+\n", ""))
  end

  it("sends lines to a queue in batches of ten, with no other call", task(function(folder)
    local url = account:queue()
    assert.are.equal(23,
      sent(folder, { "--queue", url, "--attribute", "zoom=7" }, { stdin = stdin }))
    assert.are.equal(3, #proxy:log())
    assert.are.equal(3, #proxy:log "SendMessageBatch")
    local messages = account:messages(url)
    assert.are.equal(23, #messages)
    assert.are.equal("7", messages[1].MessageAttributes.zoom.StringValue)
  end))

  it("publishes lines to a topic in batches of ten, with subject and attributes",
    task(function(folder)
    local url = account:queue()
    local topic = account:topic { { url = url } }
    assert.are.equal(23,
      sent(folder, { "--topic", topic, "--subject", "s", "--attribute", "zoom=7" },
      { stdin = stdin }))
    assert.are.equal(3, #proxy:log())
    local messages = mails(url)
    assert.are.equal(23, #messages)
    assert.are.same({ "s", "7" }, { messages[1].Subject, messages[1].MessageAttributes.zoom.Value })
    assert.are.equal(1, sent(folder, { "to the work topic" }, { WorkTopic = topic }))
    assert.are.equal("to the work topic", mails(url)[1].Message)
  end))

  it("delays, groups and drops duplicates", task(function(folder)
    local url, fifo = account:queue(), account:queue { fifo = true }
    sent(folder, { "--queue", url, "--delay", "600", "later" })
    local attributes =
      account.sqs:GetQueueAttributes { QueueUrl = url, AttributeNames = { "All" } }.Attributes
    assert.are.equal("1", attributes.ApproximateNumberOfMessagesDelayed)
    for _, body in ipairs { "one", "two" } do
      sent(folder, { "--queue", fifo, "--group", "g", "--deduplication-id", "d", body })
    end
    local received = assert(account.sqs:ReceiveMessage {
      QueueUrl = fifo, MaxNumberOfMessages = 10, MessageSystemAttributeNames = { "All" },
    }).Messages
    assert.are.same({ 1, "one", "g" },
      { #received, received[1].Body, received[1].Attributes.MessageGroupId })
  end))

  it("prints the ids of what was taken and says what was not", task(function(folder)
    local url = account:queue()
    local exit, out, problem =
      run(folder, { "send", "--queue", url }, environment { stdin = "a\n\nb\n" })
    assert.are.equal(1, exit.code)
    assert.are.equal(2, select(2, out:gsub("\n", "")))
    assert.matches("the message is empty", problem)
    assert.are.equal(2, account:count(url))
  end))

  it("names the permission that is missing", task(function(folder)
    for action, arguments in pairs {
      ["sqs:SendMessage"] = { "--queue", account:queue() },
      ["sns:Publish"] = { "--topic", account:topic() },
    } do
      local exit, _, problem =
        run(folder, { "send", arguments[1], arguments[2], "x" },
        environment({}, account:user(action)))
      assert.are.equal(1, exit.code)
      assert.is_truthy(problem:find("'" .. action .. "'", 1, true), problem)
    end
  end))

  it("refuses what the place cannot do, with status 2", task(function(folder)
    for words, arguments in pairs {
      ["a topic cannot delay"] = { "--topic", account:topic(), "--delay", "1" },
      ["a FIFO queue delays no single message"] = {
        "--queue", account:queue { fifo = true }, "--delay", "1",
      },
      ["only FIFO queues know a deduplication id"] = {
        "--queue", account:queue(), "--deduplication-id", "d",
      },
    } do
      local exit, _, problem = run(folder, { "send", "x", table.unpack(arguments) }, environment())
      assert.are.equal(2, exit.code)
      assert.is_truthy(problem:find(words, 1, true), problem)
    end
  end))
end)
