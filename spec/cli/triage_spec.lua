-- Triage at a terminal, key by key.

local cloud = require "support.cloud"
local open_queue = require("watchbot.queue").open
local scheduler = require "watchbot.scheduler"
local tmux = require "support.tmux"
local workshop = require "support.workshop"

local task = workshop.task

describe("watchbot dead-letter triage", function()
  local function bury(folder, ...)
    local queue = assert(open_queue(folder:url(), { max_receives = 1 }))
    local bodies = { ... }
    for index, body in ipairs(bodies) do
      assert(queue:send { { body = body } })
      repeat
        assert(queue:receive(1, 0, 0.001))
        scheduler.sleep(0.005)
      until queue:counts().dead == index
    end
    queue:close()
  end

  local function triage(folder, ...)
    return tmux.start(folder,
      table.concat({ workshop.program, "dead-letter --queue", folder:url(), ... }, " "),
      { StackName = false, QueueUrl = false })
  end

  local function left(folder)
    local queue = assert(open_queue(folder:url()))
    local dead, back = {}, {}
    for index, letter in ipairs(assert(queue:dead(100))) do dead[index] = letter.body end
    for index, message in ipairs(assert(queue:receive(100, 0, 0.001))) do
      back[index] = message.body
    end
    queue:close()
    return dead, back
  end

  it("goes through them one by one: a single key replays, returns, deletes or stops",
    task(function(folder)
    bury(folder, "the first", "the second", "the third", "the fourth", "the fifth")
    local screen <close> = triage(folder)
    screen:shows "%-%- 1 of about 5"
    assert.is_nil(screen:shows "the first":find "the second")
    screen:type "x" -- not a key of triage
    screen:shows("re%[t%]urn", 2)
    screen:type "l"
    screen:shows "the task's output is in the stdout of watchbot run"
    screen:type "r"
    screen:shows "the second"
    screen:type "t"
    screen:shows "the third"
    screen:type "d"
    screen:shows "delete it permanently%? %[y/N%]"
    screen:type "n"
    screen:shows("%[s%]top: *\n", 1)
    screen:type "d"
    screen:shows("delete it permanently", 2)
    screen:type "y"
    screen:shows "the fourth"
    screen:type "s"
    local status, text = screen:ends()
    assert.are.equal(0, status)
    assert.matches("1 replayed, 1 deleted, 1 returned; the others are unchanged", text)
    local dead, back = left(folder)
    assert.are.same({ "the second", "the fourth", "the fifth" }, dead)
    assert.are.same({ "the first" }, back)
  end))

  it("is of those that are selected, and does not ask twice with --yes", task(function(folder)
    bury(folder, "a timeout", "b", "c timeout")
    local screen <close> = triage(folder, "--match", "timeout", "--yes")
    screen:shows "a timeout"
    screen:type "d"
    assert.is_nil(screen:shows "c timeout":find "\nb")
    screen:type "r"
    local status, text = screen:ends()
    assert.are.equal(0, status)
    assert.matches("1 replayed, 1 deleted, 0 returned; there are no more", text)
    assert.are.same({ "b" }, (left(folder)))
  end))

  it("ends with the input, and with Ctrl-C", task(function(folder)
    bury(folder, "one")
    for key, status in pairs { ["C-d"] = 0, ["C-c"] = 130 } do
      local screen <close> = triage(folder)
      screen:shows "re%[t%]urn"
      screen:type(key)
      assert.are.equal(status, (screen:ends()))
      assert.are.same({ "one" }, (left(folder)))
    end
  end))

  it("on SQS shows the logs of the last hours, and gives back what was not settled",
    task(function(folder)
    local account = cloud.start()
    account:open()
    local url, dead_url = account:queue { max_receives = 1 }
    local ids = {}
    for index, body in ipairs { "one", "two" } do
      ids[index] = assert(account.sqs:SendMessage { QueueUrl = dead_url,
        MessageBody = body }).MessageId
    end
    assert(account.logs:CreateLogGroup { logGroupName = "group" })
    assert(account.logs:CreateLogStream { logGroupName = "group", logStreamName = "stream" })
    local events = {}
    for index, id in ipairs(ids) do
      events[index] = {
        timestamp = scheduler.time() - 1000,
        message = ("[worker] [%s] out of memory %d"):format(id, index),
      }
    end
    assert(account.logs:PutLogEvents {
      logGroupName = "group", logStreamName = "stream", logEvents = events,
    })
    local screen <close> =
      tmux.start(folder,
      ("%s dead-letter --queue %s --log-group group"):format(workshop.program, url),
      account:environment())
    screen:shows "re%[t%]urn"
    screen:type "l"
    screen:shows "out of memory %d"
    screen:type "r"
    screen:shows("%-%- 2 of about")
    screen:type "t"
    local status, text = screen:ends()
    assert.are.equal(0, status)
    assert.matches("1 replayed, 0 deleted, 1 returned; there are no more", text)
    assert.are.equal(1, account:count(url))
    local back = assert(account.sqs:ReceiveMessage { QueueUrl = dead_url,
      VisibilityTimeout = 0 }).Messages
    assert.are.equal(1, #back)
    account:close()
  end))
end)
