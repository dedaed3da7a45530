-- `watchbot send --delay`: durations, the limit of SQS, and --via scheduler.

local cloud = require "support.cloud"
local open_queue = require("watchbot.queue").open
local workshop = require "support.workshop"

local task = workshop.task

local ROLE = "arn:aws:iam::123456789012:role/sends-later"

describe("send --delay", function()
  it("takes a duration for an embedded queue", task(function(folder)
    for _, given in ipairs { "2d", "90m", "1.5h", "3600" } do
      local exit, _, err = workshop.run(folder, {
        "send", "--queue", folder:url(), "--delay", given, "x",
      })
      assert.are.equal(0, exit.code, err)
    end
    local exit = workshop.run(folder, { "send", "--queue", folder:url(), "--delay", "0", "now" })
    assert.are.equal(0, exit.code)
    local queue <close> = assert(open_queue(folder:url()))
    local left = {}
    for _, message in ipairs(assert(queue:delayed(0, 10))) do
      left[#left + 1] = math.ceil(message.delay / 1800)
    end
    assert.are.same({ 96, 3, 3, 2 }, left)
    assert.are.equal("now", assert(queue:receive(1, 1, 60))[1].body)
  end))

  it("refuses what makes no sense, with one line and status 2", task(function(folder)
    local sqs = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"
    for words, arguments in pairs {
      ["--delay: expected a duration above 0 (90s, 15m, 1h, 2d), got 'soon'"] = {
        "--queue", folder:url(), "--delay", "soon",
      },
      ["--via needs --delay"] = { "--queue", sqs, "--via", "scheduler" },
      ["expected scheduler, got 'schedule'"] = {
        "--queue", sqs, "--delay", "2d", "--via", "schedule",
      },
      ["--scheduler-role is for --via scheduler"] = {
        "--queue", sqs, "--delay", "2d", "--scheduler-role", ROLE,
      },
      ["an embedded queue delays by itself"] = {
        "--queue", folder:url(), "--delay", "2d", "--via", "scheduler",
      },
      ["--via scheduler needs --queue or --stack"] = {
        "--topic", "arn:aws:sns:eu-west-1:123456789012:t", "--delay", "2d", "--via", "scheduler",
      },
      ["needs a role that may send to the queue"] = {
        "--queue", sqs, "--delay", "2d", "--via", "scheduler",
      },
      ["expected arn:aws:iam::ACCOUNT:role/NAME, got 'sends-later'"] = {
        "--queue", sqs, "--delay", "2d", "--via", "scheduler", "--scheduler-role", "sends-later",
      },
      ["a FIFO queue delays no single message"] = {
        "--queue", sqs .. ".fifo", "--delay", "2d", "--via", "scheduler", "--scheduler-role", ROLE,
      },
      ["SQS delays a message by up to 900 s (15 minutes), not 172800: add --via scheduler"] = {
        "--queue", sqs, "--delay", "2d",
      },
    } do
      local exit, _, problem = workshop.run(folder, { "send", "x", table.unpack(arguments) }, {
        QueueUrl = false, WorkTopic = false, SchedulerRole = false, AWS_REGION = "eu-west-1",
        AWS_ACCESS_KEY_ID = "AKID", AWS_SECRET_ACCESS_KEY = "secret",
      })
      assert.are.equal(2, exit.code, problem)
      assert.is_truthy(problem:find(words, 1, true), problem)
      assert.are.equal(1, select(2, problem:gsub("\n", "\n")), problem)
    end
  end))

  describe("--via scheduler", function()
    local account
    cloud.around_own(function(opened) account = opened end)

    it("sends each line when it is due, and prints the name of its schedule", task(
      function(folder)
        local url, environment = account:queue(), account:environment()
        environment.stdin = "one\ntwo\n"
        environment.SchedulerRole = ROLE
        local exit, out, err = workshop.run(folder, {
          "send", "--queue", url, "--delay", "2d", "--via", "scheduler", "--attribute", "a=b",
        }, environment)
        assert.are.equal(0, exit.code, err)
        local names = {}
        for name in out:gmatch "[^\n]+" do names[name] = true end
        local scheduled = account.server:schedules()
        assert.are.equal(2, #scheduled)
        for _, one in ipairs(scheduled) do
          assert.is_true(names[one.name])
          assert.are.equal(ROLE, one.parameters.Target.RoleArn)
        end
        assert.are.equal(0, account:count(url))
        account.server:send_due(2 * 86400 + 60)
        assert.are.equal(2, account:count(url))
      end))

    it("fails where it is not allowed", task(function(folder)
      local exit, out, err = workshop.run(folder, {
        "send", "--queue", account:queue(), "--delay", "2d", "--via", "scheduler",
        "--scheduler-role", ROLE, "x",
      }, account:environment(account:user "iam:PassRole"))
      assert.are.equal(1, exit.code)
      assert.are.equal("", out)
      assert.matches("do not allow 'iam:PassRole' on " .. ROLE, err, 1, true)
    end))
  end)
end)
