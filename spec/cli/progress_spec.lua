-- `watchbot progress` as scripts have it: the real program, on the embedded queue and on a table of
-- moto's.

local cloud = require "support.cloud"
local json = require "watchbot.lib.json"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local function describe_on(kind, place)
  describe("watchbot progress on " .. kind, function()
    -- Runs it; its output, its status and its complaint.
    local function progress(folder, ...)
      local exit, out, problem = workshop.run(folder, { "progress", ... }, place(folder))
      return out, exit.code, problem
    end

    local function prints(expected, folder, ...)
      local out, code, problem = progress(folder, ...)
      assert.are.equal(0, code, problem)
      assert.are.equal(expected, out)
    end

    local function refuses(expected, status, folder, ...)
      local out, code, problem = progress(folder, ...)
      assert.are.equal(status, code, problem)
      assert.are.equal("", out)
      assert.is_truthy(problem:find(expected, 1, true), problem)
      assert.are.equal(1, select(2, problem:gsub("\n", "\n")), problem)
    end

    local function task(body)
      return workshop.task(function(folder)
        workshop.send(folder, { "a message, so that the queue's file is there" })
        body(folder, "job-" .. folder.path:match "[^/.]+$")
      end)
    end

    it("prints what watchbot-progress printed, for the options that it took",
      task(function(folder, job)
      prints('{"progress":0}\n', folder, "status", job)
      prints("", folder, "set-total", job, "-t", "4")
      prints("", folder, "set-metadata", job, "-m", '{"name":"tiles"}')
      prints("false\n", folder, "complete-part", job, "-p", "3")
      prints('{"progress":0.25,"metadata":{"name":"tiles"},"total":4,"remaining":3}\n', folder,
        "status", job)
      prints("", folder, "fail-job", job, "-r", "no luck")
      prints('{"progress":0.25,"failed":"no '
        .. 'luck","metadata":{"name":"tiles"},"partComplete":true,"total":4,"remaining":3}\n',
        folder, "status", job, "-p", "3")
      for part, answer in ipairs { "false\n", "false\n", "false\n", "true\n" } do
        prints(answer, folder, "complete-part", job, "--part", tostring(part))
      end
      prints("true\n", folder, "complete-part", "--part=4", "--", job)
      prints("", folder, "reduce-sent", job)
      prints('{"progress":1,"failed":"no '
        .. 'luck","metadata":{"name":"tiles"},"reduceSent":true,"total":4,"remaining":0}\n',
        folder, "status", job)
      prints('{"failed":"no luck","metadata":{"name":"tiles"},"reduceSent":true,"total":4}\n',
        folder, "status", job, "--brief")
    end))

    it("fails with what is wrong", task(function(folder, job)
      refuses("its number of parts is not set", 1, folder, "complete-part", job, "-p", "1")
      prints("", folder, "set-total", job, "--total", "2")
      refuses("has 2 parts already, it cannot have 3", 1, folder, "set-total", job, "--total", "3")
      refuses("has parts 1 to 2, not part 3", 1, folder, "complete-part", job, "-p", "3")
      refuses("is not known here", 1, folder, "reduce-sent", job .. "x")
    end))
  end)
end

describe_on("the embedded queue",
  function(folder) return { QueueUrl = folder:url(), ProgressTable = false } end)

do
  local account, arn
  setup(function()
    account = cloud.start()
    scheduler.run(function()
      account:open()
      arn = account:table()
    end)
  end)
  teardown(function() account:close() end)

  it("finds the table of a stack", workshop.task(function(folder)
    local stack = account:name "stack"
    assert(account:client "cloudformation":CreateStack { StackName = stack,
      TemplateBody = json.encode {
      Resources = { WatchbotQueue = { Type = "AWS::SQS::Queue" } },
      Outputs = {
        WatchbotProgressTable = { Value = arn },
        WatchbotQueueUrl = { Value = { Ref = "WatchbotQueue" } },
      },
    } })
    local environment = account:environment()
    environment.ProgressTable = false
    for _, words in ipairs { { "set-total", "of-stack", "-t", "3" },
      { "complete-part", "of-stack", "-p", "1" } } do
      local exit, _, problem =
        workshop.run(folder, { "progress", "--stack", stack, table.unpack(words) }, environment)
      assert.are.equal(0, exit.code, problem)
    end
    environment.ProgressTable = arn
    local _, out = workshop.run(folder, { "progress", "status", "of-stack" }, environment)
    assert.are.equal('{"progress":0.33,"total":3,"remaining":2}\n', out)
  end))

  describe_on("a DynamoDB table", function()
    local environment = account:environment()
    environment.ProgressTable = arn
    environment.AWS_ENDPOINT_URL, environment.DynamoDbEndpoint = false, account.url
    return environment
  end)
end

describe("watchbot progress", function()
  it("refuses what makes no sense, with one line and status 2", workshop.task(function(folder)
    for words, arguments in pairs {
      ["no action: complete-part, fail-job, reduce-sent, set-metadata, set-total or status"] =
        {},
      ["unknown action 'staus'; did you mean 'status'? (expected complete-part, fail-"] =
        { "staus", "job" },
      ["status: no job: watchbot progress status JOB"] = { "status" },
      ["expected one job, got 'two' too"] = { "status", "one", "two" },
      ["set-total needs --total"] = { "set-total", "job" },
      ["complete-part needs --part"] = { "complete-part", "job" },
      ["fail-job needs --reason"] = { "fail-job", "job" },
      ["option '--reason': expected text, got ''"] = { "fail-job", "job", "--reason=" },
      ["option '--part': expected a whole number, got '1.5'"] = {
        "complete-part", "job", "-p", "1.5",
      },
      ["option '--part': expected a number of at least 0, got 'x'"] = {
        "complete-part", "job", "-p", "x",
      },
      ["option '--total': expected a whole number of at least 1, got '0'"] = {
        "set-total", "job", "-t", "0",
      },
      ["option '--metadata':"] = { "set-metadata", "job", "-m", "{broken" },
      ["no place: set $ProgressTable"] = { "status", "job" },
      ["not an embedded queue; on SQS, progress is kept in a DynamoDB table"] = {
        "status", "job", "--queue", "https://sqs/q",
      },
      ["'jobs.db': expected arn:aws:dynamodb:"] = { "status", "job", "--table", "jobs.db" },
      ["--table, --queue and --stack cannot be combined"] = {
        "status", "job", "--table", "a", "--queue", "b",
      },
    } do
      local exit, _, problem = workshop.run(folder, { "progress", table.unpack(arguments) },
        { QueueUrl = false, ProgressTable = false })
      assert.are.equal(2, exit.code, problem)
      assert.is_truthy(problem:find(words, 1, true), problem)
      assert.are.equal(1, select(2, problem:gsub("\n", "\n")), problem)
    end
  end))

  it("makes a queue's file for a job that begins, and for no question",
    workshop.task(function(folder)
    local exit, _, problem = workshop.run(folder, {
      "progress", "status", "job", "--queue", folder:url(),
    })
    assert.are.equal(1, exit.code)
    assert.matches("jobs.db", problem)
    assert.is_nil(io.open(folder:file "jobs.db"))
    assert.are.equal(0,
      workshop.run(folder, { "progress", "set-total", "job", "-t2", "--queue", folder:url() }).code)
    local _, out = workshop.run(folder, { "progress", "status", "job", "--queue", folder:url() })
    assert.are.equal('{"progress":0,"total":2,"remaining":2}\n', out)
  end))

  it("needs no arguments in a task on an embedded queue, whatever folder that runs in",
    workshop.task(function(folder)
    folder:write("policy.lua", [[
      return require "watchbot".policy { queue = "sqlite:jobs.db", cwd = "/", inherit = { "PATH" },
        command = { "watchbot", "progress", "set-total", "job", "-t", "7" } }]])
    workshop.send(folder, { "a message" })
    local path = {
      PATH = workshop.build .. ":" .. os.getenv "PATH", QueueUrl = false, ProgressTable = false,
    }
    local exit, log = workshop.run(folder, { "run", "--drain", "policy.lua" }, path)
    assert.are.equal(0, exit.code)
    assert.matches('"outcome":"complete"', log)
    local _, out = workshop.run(folder, { "progress", "status", "job", "--queue", folder:url() })
    assert.are.equal('{"progress":0,"total":7,"remaining":7}\n', out)
  end))
end)
