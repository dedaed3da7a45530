local cjson = require "cjson"
local cloud = require "support.cloud"
local open_queue = require("watchbot.queue").open
local scheduler = require "watchbot.scheduler"
local shell = require "support.shell"
local workshop = require "support.workshop"

local task, run = workshop.task, workshop.run

-- Has messages die: what `watchbot send` sends with these arguments.
local function kill(folder, ...)
  run(folder, { "send", "--queue", folder:url(), ... })
  folder:write("fail.lua", ([[
    local policy = require "watchbot".policy { queue = %q, max_receives = 1,
      handler = function() return false end }
    function policy:backoff() return 0 end
    return policy]]):format(folder:url()))
  assert.are.equal(0, run(folder, { "run", "--drain", "fail.lua" }).code)
end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
  return lines
end

local function bodies_of(folder)
  local queue = assert(open_queue(folder:url()))
  local bodies = {}
  repeat
    local messages = assert(queue:receive(10, 0, 100))
    for _, message in ipairs(messages) do bodies[#bodies + 1] = message.body end
  until #messages == 0
  queue:close()
  table.sort(bodies)
  return bodies
end

describe("watchbot dead-letter", function()
  local function dead_letter(folder, action, ...)
    local exit, out, problem = run(folder, { "dead-letter", action, "--queue", folder:url(), ... })
    return out, exit.code, problem
  end

  local function listed(folder, ...)
    local all = {}
    for index, line in ipairs(lines_of((dead_letter(folder, "list", "--json", ...)))) do
      all[index] = cjson.decode(line)
    end
    return all
  end

  it("lists them, oldest first, for people and for scripts", task(function(folder)
    kill(folder, "--subject", "s", "--attribute", "a=1", "--group", "g", "one\27[2J\nline")
    scheduler.sleep(0.01)
    kill(folder, "two")
    local dead = listed(folder)
    assert.are.equal(2, #dead)
    assert.are.equal("one\27[2J\nline", dead[1].message)
    assert.are.equal("s", dead[1].subject)
    assert.are.equal("g", dead[1].group)
    assert.are.same({ a = { type = "String", value = "1" } }, dead[1].attributes)
    assert.are.equal(1, dead[1].receives)
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT", dead[1].died)
    assert.are.equal("two", dead[2].message)
    local out, code = dead_letter(folder, "list")
    assert.are.equal(0, code)
    assert.matches("^" .. dead[1].id:gsub("%-", "%%-")
      .. "  %d%d%d%d%-[%d:T.-]+Z +1  %[g%] s: one line\n", out)
    assert.are.equal(2, #lines_of(out))
  end))

  it("lists silently where there is no terminal, and says when there are none",
    task(function(folder)
    kill(folder, "one")
    local exit, out = run(folder, { "dead-letter" }, { QueueUrl = folder:url() })
    assert.are.equal(0, exit.code)
    assert.matches("  one\n$", out)
    assert.are.equal("", (dead_letter(folder, "list", "--match", "two")))
    assert.are.equal("watchbot: no dead letters match\n",
      select(3, dead_letter(folder, "list", "--match", "two")))
    dead_letter(folder, "purge", "--yes")
    assert.are.same({ "", 0, "watchbot: no dead letters\n" }, { dead_letter(folder, "list") })
  end))

  it("shows a message whole, SNS's envelope by its shape taken off", task(function(folder)
    kill(folder, cjson.encode { Type = "Notification", TopicArn = "arn:aws:sns:::t",
    Message = "line 1\nline 2",
      MessageAttributes = { zoom = { Type = "Number", Value = "7" } } })
    kill(folder, '{"Subject":"mine","Message":"no envelope"}')
    local out, code = dead_letter(folder, "show")
    assert.are.equal(0, code)
    assert.matches("\nattribute +zoom %(Number%): 7\n\nline 1\nline 2\n", out)
    assert.is_nil(out:find "Notification")
    local second = listed(folder)[2]
    out = dead_letter(folder, "show", second.id)
    assert.matches('\n\n{"Subject":"mine","Message":"no envelope"}\n', out)
    assert.is_nil(out:find "line 1")
    assert.are.equal(second.id, cjson.decode((dead_letter(folder, "show", "--json", second.id))).id)
    local _, status, problem = dead_letter(folder, "show", "nobody")
    assert.are.equal(1, status)
    assert.matches("no dead letter has the ID 'nobody'", problem)
  end))

  it("replays all or those that are selected", task(function(folder)
    for _, body in ipairs { "one", "two timeout", "three", "four timeout" } do
      kill(folder, body)
    end
    local dead = listed(folder)
    assert.are.equal("1 message back in the queue\n",
      (dead_letter(folder, "replay", "--id", dead[3].id)))
    assert.are.same({ "three" }, bodies_of(folder))
    local out, code, said =
      dead_letter(folder, "replay", "--match", "timeout", "--limit", "1", "--dry-run")
    assert.are.equal(0, code)
    assert.matches("two timeout\n$", out)
    assert.matches("dry run: 1 message would be put back", said)
    assert.are.same({}, bodies_of(folder))
    out = dead_letter(folder, "replay", "--match", "timeout", "--limit", "1", "--json")
    assert.are.same({ replayed = 1, failed = 0 }, cjson.decode(out))
    assert.are.same({ "two timeout" }, bodies_of(folder))
    assert.are.equal("2 messages back in the queue\n", (dead_letter(folder, "replay")))
    assert.are.same({ "four timeout", "one" }, bodies_of(folder))
    assert.are.same({}, listed(folder))
  end))

  it("replays no faster than it is told", task(function(folder)
    run(folder, { "send", "--queue", folder:url() }, { stdin = "a\nb\nc\n" })
    kill(folder, "d")
    local before = scheduler.now()
    assert.are.equal("4 messages back in the queue\n",
      (dead_letter(folder, "replay", "--rate", "4")))
    assert.is_true(scheduler.now() - before >= 0.9)
  end))

  it("deletes what is selected, and only when it is told to", task(function(folder)
    for _, body in ipairs { "one", "two", "three" } do kill(folder, body) end
    local dead = listed(folder)
    local _, code, problem = dead_letter(folder, "delete", dead[1].id)
    assert.are.equal(2, code)
    assert.matches("delete 1 message permanently%? no terminal to confirm on: use %-%-yes",
      problem)
    _, code, problem = dead_letter(folder, "delete", "--yes")
    assert.are.equal(2, code)
    assert.matches("select messages with %-%-id", problem)
    assert.are.equal(3, #listed(folder))
    local out
    out, code, problem =
      dead_letter(folder, "delete", dead[1].id, "--id", dead[2].id, "nobody", "--yes")
    assert.are.equal("2 messages deleted\n", out)
    assert.are.equal(1, code)
    assert.matches("no dead letter has the ID 'nobody'", problem)
    assert.are.equal("three", listed(folder)[1].message)
  end))

  it("purges all, and says how many they are", task(function(folder)
    for _, body in ipairs { "one", "two" } do kill(folder, body) end
    local _, code, problem = dead_letter(folder, "purge")
    assert.are.equal(2, code)
    assert.matches("delete all 2 messages of sqlite:.-jobs.db permanently%?", problem)
    assert.are.equal(2, select(2, dead_letter(folder, "purge", "--match", "one", "--yes")))
    assert.matches("2 messages would be deleted",
      select(3, dead_letter(folder, "purge", "--dry-run")))
    assert.are.equal("2 messages deleted\n", (dead_letter(folder, "purge", "--yes")))
    assert.are.same({}, listed(folder))
    assert.are.same({ "0 messages deleted\n", 0, "" }, { dead_letter(folder, "purge") })
  end))

  it("shows why a message was buried, in list, show and print", task(function(folder)
    run(folder, { "send", "--queue", folder:url(), "poison" })
    folder:write("bury.lua", ([[
      return require "watchbot".policy {
        queue = %q, handler = function() return "bury", "no such tile" end,
      }]]):format(folder:url()))
    assert.are.equal(0, run(folder, { "run", "--drain", "bury.lua" }).code)
    assert.are.equal("no such tile", listed(folder)[1].reason)
    assert.matches("%(no such tile%) poison", (dead_letter(folder, "list")))
    assert.matches("reason%s+no such tile\n", (dead_letter(folder, "show")))
    local saved = cjson.decode((dead_letter(folder, "print")))
    assert.are.same({ "poison", "no such tile" }, { saved.body, saved.reason })
    dead_letter(folder, "replay")
    assert.are.same({ "poison" }, bodies_of(folder))
  end))

  it("prints whole messages, which send reads back, byte for byte", task(function(folder)
    local queue = assert(open_queue(folder:url(), { max_receives = 1 }))
    local bytes = {}
    for byte = 0, 255 do bytes[#bytes + 1] = string.char(byte) end
    local sent = {
      { body = table.concat(bytes), subject = "s\xff", group = "g\0", deduplication = "d",
        attributes = {
        text = { type = "String", value = "t\u{ef}le" },
        ["\xfe"] = { type = "Binary.gif", value = "AP8=" },
        broken = { type = "String", value = "\xff" },
      } },
      { body = "", subject = "" }, { body = "plain\nlines" },
    }
    assert(queue:send(sent))
    queue:close()
    kill(folder, "x")
    local out = dead_letter(folder, "print")
    assert.are.equal(4, #lines_of(out))
    assert.are.equal("plain\nlines", cjson.decode(lines_of(out)[3]).body)
    folder:write("letters", out)
    assert.are.equal("4 messages deleted\n",
      (dead_letter(folder, "delete", "--from", "letters", "--yes")))
    local exit, ids, problem = run(folder, {
      "send", "--queue", folder:url "other.db", "--from", "letters",
    })
    assert.are.equal(0, exit.code, problem)
    assert.are.equal(4, #lines_of(ids))
    queue = assert(open_queue(folder:url "other.db"))
    local received = assert(queue:receive(10))
    queue:close()
    for index, message in ipairs(sent) do
      for _, name in ipairs { "body", "subject", "group" } do
        assert.is_true(received[index][name] == message[name], name)
      end
      for name, attribute in pairs(message.attributes or {}) do
        assert.are.same(attribute, received[index].attributes[name])
      end
    end
    assert.are.equal("d", received[1].attributes.watchbot_deduplication_id.value)
    assert.is_nil(received[1].deduplication)
  end))

  it("is told when what it prints cannot be written", task(function(folder)
    kill(folder, "one")
    local out = shell.run(("%s dead-letter print --queue %s 2>&1 >/dev/full; echo $?"):format(
      workshop.program, folder:url()))
    assert.matches("could not write to standard output: no space left on device\n1\n$", out)
  end))

  it("makes no queue where there is none", task(function(folder)
    local exit, _, problem = run(folder, {
      "dead-letter", "list", "--queue", folder:url "missing.db",
    })
    assert.are.equal(1, exit.code)
    assert.matches("missing.db", problem)
    assert.is_nil(io.open(folder:file "missing.db"))
  end))

  it("refuses what makes no sense, with one line and status 2", task(function(folder)
    for words, arguments in pairs {
      ["unknown action 'lst'; did you mean 'list'? (expected list, show,"] = {
        "lst", "--queue", folder:url() },
      ["purge, triage)"] = { "lst", "--queue", folder:url() },
      ["no queue: give --stack NAME"] = { "list" },
      ["either --stack or --queue"] = { "list", "--queue", "sqlite:x", "--stack", "s" },
      ["a whole number of at least 1, got '0'"] = {
        "list", "--queue", folder:url(), "--limit", "0",
      },
      ["messages a second, above 0"] = {
        "replay", "--queue", "sqlite:" .. folder:write("empty.db", ""), "--rate", "0",
      },
      ["needs a terminal; list, show"] = {
        "triage", "--queue", "sqlite:" .. folder:file "empty.db",
      },
    } do
      local exit, _, problem =
        run(folder, { "dead-letter", table.unpack(arguments) },
        { QueueUrl = false, StackName = false })
      assert.are.equal(2, exit.code, problem)
      assert.is_truthy(problem:find(words, 1, true), problem)
      assert.are.equal(1, select(2, problem:gsub("\n", "\n")), problem)
    end
  end))

  it("helps with examples", task(function(folder)
    local exit, out = run(folder, { "dead-letter", "--help" })
    assert.are.equal(0, exit.code)
    assert.matches("examples:\n  watchbot dead%-letter %-%-stack", out)
  end))
end)

describe("watchbot send --from", function()
  -- One broken line ended the input: of 25 letters none or a part was sent.
  it("says which line is no message, and sends the others", task(function(folder)
    for line, problem in pairs {
      ["{"] = "not a JSON object", ["[]"] = "it has no 'body'",
      ['{"body":1}'] = "'body' is not text",
      ['{"body_base64":"?"}'] = "'body_base64' is not base64",
        ['{"body":"x","attributes":{"a":1}}'] = "attribute 'a'",
      ['{"body":"x","attributes":[{"type":"String","value":"1"}]}'] =
        "'attributes' is not an object",
      ['{"body":"x","attributes_base64":[{"type":"String","value":"1"}]}'] =
        "'attributes' is not an object",
      ['{"body":"x","attributes_base64":{"?":{"type":"String","value":"1"}}}'] =
        "an attribute's name is not base64",
      ['{"body":"x","group":""}'] = "'group' is empty",
    } do
      folder:write("letters", '{"body":"good"}\n\n' .. line .. '\n{"body":"after"}\n')
      local exit, out, said = run(folder, { "send", "--queue", folder:url(), "--from", "letters" })
      assert.are.equal(1, exit.code)
      assert.are.equal(2, #lines_of(out))
      assert.is_truthy(said:find("send: line 3 of 'letters' is not a saved message: " .. problem, 1,
        true), said)
      assert.matches("send: 2 sent, 1 refused", said)
      assert.are.same({ "after", "good" }, bodies_of(folder))
      os.remove(folder:file "jobs.db")
    end
  end))

  it("says which line the queue does not take, and sends the others of its bite",
    task(function(folder)
    folder:write("letters",
      ('{"body":"one"}\n{"body":"%s"}\n{"body":"three"}\n'):format(("x"):rep(1024 * 1024 + 1)))
    local exit, out, said = run(folder, { "send", "--queue", folder:url(), "--from", "letters" })
    assert.are.equal(1, exit.code)
    assert.are.equal(2, #lines_of(out))
    assert.is_truthy(said:find("send: line 2 of 'letters': a message may have 1048576 bytes", 1,
      true), said)
  end))

  it("reads a pipe too, and takes nothing that contradicts it", task(function(folder)
    local exit, _, said =
      run(folder, { "send", "--queue", folder:url(), "--from", "-" }, { stdin = '{"body":"one"}' })
    assert.are.equal(0, exit.code, said)
    assert.are.same({ "one" }, bodies_of(folder))
    for words, more in pairs {
      ["either --from or a message"] = { "word" },
        ["--subject cannot be combined"] = { "--subject", "s" },
    } do
      exit, _, said = run(folder, {
        "send", "--queue", folder:url(), "--from", "-", table.unpack(more),
      })
      assert.are.equal(2, exit.code)
      assert.is_truthy(said:find(words, 1, true), said)
    end
    exit, _, said = run(folder, { "send", "--queue", folder:url(), "--from", "missing" })
    assert.are.equal(1, exit.code)
    assert.matches("'missing': no such file", said)
  end))
end)

describe("watchbot dead-letter on SQS", function()
  local account

  setup(function()
    scheduler.run(function()
      account = cloud.start()
      account:open()
    end)
  end)

  teardown(function()
    scheduler.run(function() account:close() end)
  end)

  local function dead_letter(folder, keys, ...)
    local exit, out, problem = run(folder, { "dead-letter", ... }, account:environment(keys or nil))
    return out, exit.code, problem
  end

  local function bury(dead_url, ...)
    for _, body in ipairs { ... } do
      assert(account.sqs:SendMessage { QueueUrl = dead_url, MessageBody = body,
        MessageAttributes = {
        zoom = { DataType = "Number", StringValue = "7" },
        bytes = { DataType = "Binary", BinaryValue = "AP8=" },
      } })
    end
  end

  it("lists without taking anything away, and replays one by one what SQS may not move",
    task(function(folder)
    local url, dead_url = account:queue { max_receives = 1 }
    bury(dead_url, "one timeout", "two", "three timeout")
    local out, code = dead_letter(folder, nil, "list", "--queue", url)
    assert.are.equal(0, code)
    assert.are.equal(3, #lines_of(out))
    local said
    local denied = account:user "sqs:StartMessageMoveTask"
    out, code, said = dead_letter(folder, denied, "replay", "--queue", url, "--match", "timeout")
    assert.are.same({ "2 messages back in the queue\n", 0, "" }, { out, code, said })
    out, code, said = dead_letter(folder, denied, "replay", "--queue", dead_url)
    assert.are.same({ "1 message back in the queue\n", 0 }, { out, code })
    assert.matches("do not allow 'sqs:StartMessageMoveTask'.*one by one", said)
    local messages = account:messages(url)
    assert.are.equal(3, #messages)
    assert.are.equal("AP8=", messages[1].MessageAttributes.bytes.BinaryValue)
    assert.are.equal(0, account:count(dead_url))
  end))

  it("replays FIFO groups in their order, however long they are, and says what it cannot list",
    task(function(folder)
    local url, dead_url = account:queue { max_receives = 1, fifo = true }
    for index = 1, 24 do
      assert(account.sqs:SendMessage { QueueUrl = dead_url, MessageBody = ("m%02d"):format(index),
      MessageGroupId = "g",
        MessageDeduplicationId = "d" .. index })
    end
    local out, code, said = dead_letter(folder, nil, "list", "--queue", url)
    assert.are.equal(0, code)
    assert.are.equal(10, #lines_of(out))
    assert.matches("about 14 more wait behind others of their FIFO group", said)
    out, code, said = dead_letter(folder, nil, "replay", "--queue", url)
    assert.are.same({ "24 messages back in the queue\n", 0 }, { out, code })
    assert.matches("SQS cannot move them %(in a FIFO queue each gets a fresh deduplication id%): "
      .. "moving one "
      .. "by one", said)
    for index = 1, 24 do
      local message =
        assert(account.sqs:ReceiveMessage { QueueUrl = url, MaxNumberOfMessages = 1 }).Messages[1]
      assert.are.equal(("m%02d"):format(index), message.Body)
      assert(account.sqs:DeleteMessage { QueueUrl = url, ReceiptHandle = message.ReceiptHandle })
    end
  end))

  -- Where deletes are refused, each replayed message is in both queues: that must not go on to the
  -- end of the queue.
  it("stops at once where it may not send, or not delete", task(function(folder)
    for action, doubled in pairs { ["sqs:SendMessage"] = 0, ["sqs:DeleteMessage"] = 10 } do
      local url, dead_url = account:queue { max_receives = 1 }
      for index = 1, 25 do bury(dead_url, "m" .. index) end
      local out, code, said =
        dead_letter(folder, account:user(action), "replay", "--queue", url, "--match",
        "m")
      assert.are.equal("0 messages back in the queue\n", out)
      assert.are.equal(1, code)
      assert.is_truthy(said:find(("watchbot: the credentials do not allow '%s'"):format(action), 1,
        true), said)
      assert.are.equal(doubled, account:count(url))
      assert.are.equal(25, account:count(dead_url))
    end
  end))

  it("saves a queue to a file, to the embedded queue, and back", task(function(folder)
    local url, dead_url = account:queue { max_receives = 1, fifo = true }
    assert(account.sqs:SendMessage { QueueUrl = dead_url, MessageBody = "t\u{ef}le",
    MessageGroupId = "g",
      MessageDeduplicationId = "d", MessageAttributes = {
        bytes = { DataType = "Binary", BinaryValue = "AP8=" },
      } })
    folder:write("letters", (dead_letter(folder, nil, "print", "--queue", url)))
    assert.are.equal("1 message deleted\n",
      (dead_letter(folder, nil, "delete", "--queue", url, "--from", "letters", "--yes")))
    run(folder, { "send", "--queue", folder:url(), "--from", "letters" })
    folder:write("fail.lua", ([[
      return require "watchbot".policy { queue = %q, max_receives = 1,
        handler = function() return false end,
        backoff = function() return 0 end }]]):format(folder:url()))
    run(folder, { "run", "--drain", "fail.lua" })
    local _, embedded = run(folder, { "dead-letter", "print", "--queue", folder:url() })
    folder:write("letters", embedded)
    local exit, _, problem =
      run(folder, { "send", "--queue", url, "--from", "letters" }, account:environment())
    assert.are.equal(0, exit.code, problem)
    local message = assert(account.sqs:ReceiveMessage { QueueUrl = url, AttributeNames = { "All" },
      MessageAttributeNames = { "All" } }).Messages[1]
    assert.are.equal("t\u{ef}le", message.Body)
    assert.are.equal("g", message.Attributes.MessageGroupId)
    assert.are.equal("d", message.MessageAttributes.watchbot_deduplication_id.StringValue)
    assert.are.equal("AP8=", message.MessageAttributes.bytes.BinaryValue)
  end))

  it("finds the queue in a stack", task(function(folder)
    local name = account:name "stack"
    local function queue(logical, more)
      local properties = { QueueName = account:name(logical) }
      for key, value in pairs(more or {}) do properties[key] = value end
      return { Type = "AWS::SQS::Queue", Properties = properties }
    end
    local dead = queue "dead"
    assert(account:client "cloudformation":CreateStack { StackName = name,
      TemplateBody = cjson.encode {
      Resources = { WatchbotQueue = queue "jobs", WatchbotDeadLetterQueue = dead },
      Outputs = { WatchbotQueueUrl = { Value = { Ref = "WatchbotQueue" } },
        WatchbotDeadLetterQueueUrl = { Value = { Ref = "WatchbotDeadLetterQueue" } } },
    } })
    local dead_name = dead.Properties.QueueName
    bury(assert(account.sqs:GetQueueUrl { QueueName = dead_name }).QueueUrl, "one")
    local exit, _, problem = run(folder, { "send", "--stack", name, "two" }, account:environment())
    assert.are.equal(0, exit.code, problem)
    local out, code, said = dead_letter(folder, nil, "replay", "--stack", name, "--match", "one")
    assert.are.same({ "1 message back in the queue\n", 0, "" }, { out, code, said })
  end))

  it("says when it may not give back what it has read", task(function(folder)
    local url, dead_url = account:queue { max_receives = 1 }
    bury(dead_url, "one")
    local denied = account:user "sqs:ChangeMessageVisibility"
    local out, code, said =
      dead_letter(folder, denied, "list", "--queue", url, "--visibility", "7.5")
    assert.are.equal(0, code)
    assert.matches("  one\n$", out)
    assert.matches("could not return the letters that were read; hidden for up to 8 s: "
      .. ".*'sqs:ChangeMessageVisibility'", said)
  end))

  it("gives back what it has read when it is interrupted, or when nobody reads on",
    task(function(folder)
    local url, dead_url = account:queue { max_receives = 1 }
    for _ = 1, 5 do bury(dead_url, ("x"):rep(20000)) end
    local function all_visible(count, where)
      workshop.eventually(function()
        local found = assert(account.sqs:ReceiveMessage {
          QueueUrl = dead_url, MaxNumberOfMessages = 10, VisibilityTimeout = 0,
        })
        return #(found.Messages or {}) == count
      end, where)
    end
    folder:write("head.sh",
      ("#!/bin/sh\n%s dead-letter print --visibility 3600 "
        .. "--queue %s | head -c 10 >/dev/null\n"):format(
      workshop.program, url))
    local process = require "watchbot.process"
    local variables = process.environment()
    for key, value in pairs(account:environment()) do variables[key] = value or nil end
    assert(process.start { argv = { folder:file "head.sh" }, env = variables }):wait()
    all_visible(5, "given back after a broken pipe")
    local arguments = { "--queue", url, "--match", "nothing", "--visibility", "3600" }
    local child = workshop.start(folder, { "dead-letter", "replay", table.unpack(arguments) },
      account:environment())
    workshop.eventually(function()
      local attributes =
        account.sqs:GetQueueAttributes { QueueUrl = dead_url,
        AttributeNames = { "All" } }.Attributes
      return attributes.ApproximateNumberOfMessagesNotVisible ~= "0"
    end, "letters are being read")
    child:kill "TERM"
    assert.are.equal(143, assert(child:wait(workshop.PATIENCE)).code)
    all_visible(5, "given back after TERM")
  end))
end)
