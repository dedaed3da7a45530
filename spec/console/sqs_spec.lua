-- The console of an SQS queue: what SQS and CloudWatch can say, for how many calls.

local cloud = require "support.cloud"
local console = require "support.console"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local task = workshop.task

local function words(page) return (page:gsub("<[^>]*>", " "):gsub("%s+", " ")) end

describe("the console of an SQS queue", function()
  local account, url, dead
  cloud.around(function(one) account = one end)

  before_each(cloud.task(function() url, dead = account:queue { max_receives = 3 } end))

  local function send(to, bodies)
    for _, body in ipairs(bodies) do
      assert(account.sqs:SendMessage { QueueUrl = to, MessageBody = body })
    end
  end

  local function start(folder, arguments)
    local more = account:environment()
    more.ConsoleToken = false
    return console.start(folder, arguments, more, url):enter()
  end

  local function eventually(visitor, path, pattern)
    return workshop.eventually(function()
      local page = visitor:page(path)
      return words(page):find(pattern) and page
    end, pattern)
  end

  it("has the counts, the hour of CloudWatch, and the calls that they took", task(function(folder)
    send(url, { "a", "b" })
    send(dead, { "x" })
    assert(account:client "cloudwatch":PutMetricData {
      Namespace = "AWS/SQS",
      MetricData = {
        { MetricName = "NumberOfMessagesSent", Value = 42,
          Timestamp = scheduler.time() // 1000 - 300,
          Dimensions = { { Name = "QueueName", Value = url:match "[^/]+$" } } },
      },
    })
    local visitor <close> = start(folder)
    eventually(visitor, "/", "Waiting 2 .*In flight 0 .*Dead letters 1 ")
    -- Counts, metrics and calls come one after the other.
    eventually(visitor, "/", " 42 .*AWS calls since the start: .*%d GetQueueAttributes")
    eventually(visitor, "/", "AWS calls since the start: .*1 GetMetricData")
    assert.matches("<td>42</td>", visitor:page "/", 1, true)
    assert.matches("SQS does not list messages", words(visitor:page "/jobs"))
  end))

  -- Each look would be a receive: only a person's click is one.
  it("receives letters when it is asked to, and returns them", task(function(folder)
    send(dead, { "letter-1", "letter-2" })
    local visitor = start(folder)
    eventually(visitor, "/", "Dead letters 2 ")
    local page = visitor:page "/dead-letters"
    assert.is_nil(page:find("letter-1", 1, true))
    assert.is_nil(words(page):find "ReceiveMessage")
    local done = visitor:post("/dead-letters/read", { ["do"] = "read", queue = 1 })
    page = visitor:page(done.headers.location)
    assert.matches("2 letters read", words(page))
    assert.matches("letter%-1.*letter%-2", (words(page):gsub("letter%-2(.*)letter%-1",
      "letter-1%1letter-2")))
    assert.matches("%d ReceiveMessage", words(page))
    visitor:close()
    -- Ended, it has returned them.
    local seen = account:messages(dead)
    assert.are.equal(2, #seen)
  end))

  it("replays and deletes letters that were read", task(function(folder)
    send(dead, { "letter-1", "letter-2", "letter-3" })
    local visitor <close> = start(folder)
    visitor:post("/dead-letters/read", { ["do"] = "read", queue = 1 })
    local page, keys = visitor:page "/dead-letters", {}
    for key in page:gmatch 'name="at" value="([%x-]+)"' do keys[#keys + 1] = key end
    assert.are.equal(3, #keys)
    local asked = visitor:post("/dead-letters/confirm",
      { ["do"] = "replay", queue = 1, at = { keys[1], keys[2] } })
    assert.matches("Replay 2 dead letters", words(asked.body))
    local done = visitor:post("/dead-letters/act",
      { ["do"] = "replay", queue = 1, at = { keys[1], keys[2] } })
    assert.matches("2 messages sent back to the queue", words(visitor:page(done.headers.location)))
    assert.are.equal(2, account:count(url))
    visitor:post("/dead-letters/act", { ["do"] = "delete", queue = 1, at = keys[3] })
    assert.are.equal(0, account:count(dead))
    assert.is_nil(visitor:page "/dead-letters":find('name="at"', 1, true))
  end))

  -- The log of a message was only in the terminal.
  it("finds a message in the log, for how many calls", task(function(folder)
    local id, group = "e2c045cc-5606-4950-964b-20877900bccb", account:name "group"
    assert(account.logs:CreateLogGroup { logGroupName = group })
    assert(account.logs:CreateLogStream { logGroupName = group, logStreamName = "s" })
    local events, now = {}, scheduler.time()
    local function line(category, hours, text)
      events[#events + 1] = {
        timestamp = now - math.floor(hours * 3600000) + #events,
        message = ("[Thu, 28 Jul 2016 00:12:37 GMT] [%s] [%s] %s\n"):format(category, id, text),
      }
    end
    line("watcher", 20, '{"subject":"resize","message":"the <b>message</b>","receives":1}')
    line("worker", 20, "<script>alert(1)</script>")
    line("watcher", 20, '{"outcome":"retry","code":7,"duration":2000}')
    line("watcher", 1, '{"subject":"resize","receives":2}')
    line("worker", 1, "still at it")
    assert(account.logs:PutLogEvents { logGroupName = group, logStreamName = "s",
      logEvents = events })
    local visitor <close> = start(folder, { "--log-group", group })
    local page = visitor:page "/jobs"
    assert.matches('<form class="filter" method="get" action="/job"', page, 1, true)
    assert.matches("Each search takes a few calls", words(page))
    page = visitor:page("/job?queue=1&hours=24&id=" .. id)
    assert.matches("resize running .*From the log of the last 24 hours", words(page))
    assert.matches("Attempt 1 failed exit code 7, to be retried", words(page))
    assert.matches("Attempt 2 running .*still at it", words(page))
    assert.matches("&lt;script&gt;alert(1)", page, 1, true)
    assert.is_nil(page:find("<script>alert", 1, true))
    assert.is_nil(page:find('value="cancel"', 1, true))
    assert.matches("%d FilterLogEvents", words(page))
    -- By default it reads less, and says so.
    page = visitor:page("/job?queue=1&id=" .. id)
    assert.is_nil(words(page):find "Attempt 1 ")
    assert.matches("hours=24", page)
    local response = visitor:ask "/job?queue=1&id=another"
    assert.are.equal(404, response.status)
    assert.matches("The log of the last 6 hours has nothing of this message", words(response.body))
    assert.matches("Look further back", response.body)
    send(dead, { "letter-1" })
    visitor:post("/dead-letters/read", { ["do"] = "read", queue = 1 })
    page = visitor:page "/dead-letters"
    local at = page:match 'href="([^"]*/dead%-letter%?[^"]*)"':gsub("&amp;", "&")
    assert.matches("Find it in the log", visitor:page(at))
  end))

  it("names what it needs to find a message in a log", task(function(folder)
    local visitor <close> = start(folder)
    assert.matches("start the console with --stack NAME or --log-group NAME",
      words(visitor:page "/jobs"), 1, true)
    local response = visitor:ask "/job?queue=1&id=x"
    assert.matches("The log is not known", words(response.body))
    local more = account:environment(account:user "logs:FilterLogEvents")
    more.ConsoleToken = false
    local denied <close> = console.start(folder, { "--log-group", "g" }, more, url):enter()
    assert.matches("logs:FilterLogEvents", words(denied:ask "/job?queue=1&id=x".body), 1, true)
  end))

  -- A pause is a tag of the queue; the console said nothing of it.
  it("shows that the queue is paused", task(function(folder)
    local exit, _, problem = workshop.run(folder, { "pause", "--queue", url, "--for", "1h" },
      account:environment())
    assert.are.equal(0, exit.code, problem)
    local visitor <close> = start(folder)
    assert.matches("ListQueueTags", words(eventually(visitor, "/",
      "Paused.* the whole queue, until %d+%-%d+%-%d+")))
  end))

  it("read-only receives nothing", task(function(folder)
    send(dead, { "letter-1" })
    local visitor <close> = start(folder, { "--read-only" })
    assert.matches("this console is read%-only", words(visitor:page "/dead-letters"))
    visitor.stamp = ("0"):rep(64)
    assert.are.equal(403, visitor:post("/dead-letters/read", { ["do"] = "read" }).status)
    assert.are.equal(1, #account:messages(dead))
  end))

  it("names a permission that it lacks", task(function(folder)
    local more = account:environment(account:user "sqs:GetQueueAttributes")
    local visitor <close> = console.start(folder, {}, more, url):enter()
    eventually(visitor, "/", "Nothing can be read: .*sqs:GetQueueAttributes")
  end))
end)
