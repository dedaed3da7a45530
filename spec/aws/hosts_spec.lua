-- The whole program at AWS's host names: a proxy that is every host of AWS, and refuses, in AWS's
-- words, what is signed for another region or service than its host's. No endpoint is set, and
-- AWS_REGION is not the queue's.

local cloud = require "support.cloud"
local ecs_server = require "support.ecs_server"
local workshop = require "support.workshop"

local task = workshop.task

describe("AWS by host name", function()
  local server

  setup(function() server = ecs_server.start() end)
  teardown(function() server:close() end)

  local function client(service, region)
    return server:client(service, { region = region })
  end

  local function environment(more)
    local variables = server:environment()
    variables.AWS_ENDPOINT_URL, variables.AWS_REGION = false, "us-west-2"
    variables.HTTPS_PROXY, variables.https_proxy = server.url, server.url
    variables.NO_PROXY, variables.no_proxy, variables.ALL_PROXY = false, false, false
    variables.AWS_CA_BUNDLE = server:authority()
    variables.AWS_CONFIG_FILE, variables.AWS_SHARED_CREDENTIALS_FILE = "/dev/null", "/dev/null"
    for name, value in pairs(more or {}) do variables[name] = value end
    return variables
  end

  -- What came at host names while `body` ran: each once, in the order of their names; none of it
  -- was refused (403), or at a host that AWS does not have (421). A look for permissions is 404.
  local function calls(body)
    local before, seen, found = #server:requests(), {}, {}
    body()
    local requests = server:requests()
    for index = before + 1, #requests do
      local call = requests[index].host .. " " .. requests[index].operation
      local status = requests[index].status
      assert.is_true(status ~= 403 and status ~= 421, call .. " " .. tostring(status))
      if not seen[call] then found[#found + 1] = call end
      seen[call] = true
    end
    table.sort(found)
    return found
  end

  local function queue_in(region, ...)
    local sqs = client("sqs", region)
    local url = assert(sqs:CreateQueue { QueueName = "jobs" }).QueueUrl
    for _, body in ipairs { ... } do
      assert(sqs:SendMessage { QueueUrl = url, MessageBody = body })
    end
    assert(client("cloudwatch", region):PutMetricData { Namespace = "AWS/SQS", MetricData = { {
      MetricName = "ApproximateAgeOfOldestMessage", Value = 7, Timestamp = os.time() - 90,
      Dimensions = { { Name = "QueueName", Value = "jobs" } },
    } } })
    return url
  end

  before_each(task(function() server:reset() end))

  for url, expected in pairs {
    ["https://sqs.eu-west-1.amazonaws.com"] = "eu-west-1.amazonaws.com",
    ["https://eu-west-1.queue.amazonaws.com"] = "eu-west-1.amazonaws.com",
    ["https://queue.amazonaws.com"] = "us-east-1.amazonaws.com",
    ["https://vpce-0a1b.sqs.us-east-2.vpce.amazonaws.com"] = "us-east-2.amazonaws.com",
    ["https://sqs.cn-north-1.amazonaws.com.cn"] = "cn-north-1.amazonaws.com.cn",
    ["https://sqs.us-gov-west-1.amazonaws.com"] = "us-gov-west-1.amazonaws.com",
  } do
    it("shows the status of a queue at " .. url .. ", whatever AWS_REGION is",
      task(function(folder)
      queue_in(expected:match "^[^.]+", "1", "2", "3")
      local out
      local found = calls(function()
        local exit, told, problem = workshop.run(folder,
          { "status", "--queue", url .. "/123456789012/jobs" }, environment())
        assert.are.equal(0, exit.code, problem)
        out = told
      end)
      assert.matches("waiting +3\n", out)
      assert.matches("oldest +7", out)
      local wanted = {
        "monitoring." .. expected .. " GetMetricData", url:match "//(.+)" .. " GetQueueAttributes",
        url:match "//(.+)" .. " ListQueueTags",
      }
      table.sort(wanted)
      assert.are.same(wanted, found)
    end))
  end

  -- RunTask went to the host of SQS: no task ever started, and each receive counted.
  it("runs a task in a cluster that is given by name, in AWS_REGION", task(function(folder)
    queue_in("eu-west-1", "one", "two")
    local ecs = client("ecs", "us-west-2")
    assert(ecs:CreateCluster { clusterName = "my-cluster" })
    assert(ecs:RegisterTaskDefinition { family = "work", containerDefinitions = { {
      name = "work", image = "work:1", memory = 16, workingDirectory = folder.path,
      command = { "sh", "-c", 'echo "$Message" >> done' },
    } } })
    folder:write("policy.lua", [[return require "watchbot".policy {
      queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs",
      task = { cluster = "my-cluster", definition = "work:1", container = "work" },
    }]])
    local found = calls(function()
      local exit, log, problem =
        workshop.run(folder, { "run", "--drain", "policy.lua" }, environment())
      assert.are.equal(0, exit.code, log .. problem)
    end)
    local done = folder:lines "done"
    table.sort(done)
    assert.are.same({ "one", "two" }, done)
    assert.are.equal("ecs.us-west-2.amazonaws.com DescribeTasks", found[1])
    assert.are.equal(2, #server:calls "RunTask")
  end))

  it("or in the region of the cluster's ARN", task(function(folder)
    queue_in("eu-west-1", "one")
    local ecs = client("ecs", "us-east-2")
    local cluster = assert(ecs:CreateCluster { clusterName = "far" }).cluster.clusterArn
    assert(ecs:RegisterTaskDefinition { family = "work", containerDefinitions = { {
      name = "work", image = "work:1", memory = 16, command = { "true" },
    } } })
    folder:write("policy.lua", ([[return require "watchbot".policy {
      queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs",
      task = { cluster = %q, definition = "work", container = "work" },
    }]]):format(cluster))
    local found = calls(function()
      local exit, log, problem =
        workshop.run(folder, { "run", "--drain", "policy.lua" }, environment())
      assert.are.equal(0, exit.code, log .. problem)
    end)
    assert.are.equal("ecs.us-east-2.amazonaws.com DescribeTasks", found[1])
  end))

  -- Without AWS_REGION the role was looked for in us-east-1.
  it("assumes a role where the queue is, when no region is set", task(function(folder)
    queue_in "cn-north-1"
    folder:write("config", "[default]\nrole_arn = arn:aws-cn:iam::1:role/r\n"
      .. "source_profile = base\n[profile base]\naws_access_key_id = AKID\n"
      .. "aws_secret_access_key = any\n")
    local found = calls(function()
      local exit, _, problem = workshop.run(folder,
        { "status", "--queue", "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/jobs" },
        environment { AWS_CONFIG_FILE = folder:file "config", AWS_REGION = false,
          AWS_ACCESS_KEY_ID = false, AWS_SECRET_ACCESS_KEY = false })
      assert.are.equal(0, exit.code, problem)
    end)
    assert.are.equal("sts.cn-north-1.amazonaws.com.cn AssumeRole", found[#found])
  end))

  -- The keys of a role with few permissions, from STS by host name, and a handler in Lua that asks
  -- AWS itself.
  it("gives a handler in Lua clients that sign for what they name", task(function(folder)
    local account = cloud.of(server)
    account.region = "eu-west-1"
    queue_in("eu-west-1", "one")
    assert(client("sqs", "us-east-2"):CreateQueue { QueueName = "other" })
    folder:write("policy.lua", [[
      local watchbot = require "watchbot"
      return watchbot.policy {
        queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs",
        handler = function(job)
          local sqs = assert(watchbot.aws("sqs", { region = "us-east-2" }))
          assert(sqs:SendMessage { MessageBody = job.message .. " again",
            QueueUrl = "https://sqs.us-east-2.amazonaws.com/123456789012/other" })
        end,
      }]])
    folder:write("config", "[default]\nrole_arn = arn:aws:iam::123456789012:role/r\n"
      .. "source_profile = base\n[profile base]\naws_access_key_id = AKID\n"
      .. "aws_secret_access_key = any\n")
    local found = calls(function()
      local exit, log, problem = workshop.run(folder, { "run", "--drain", "policy.lua" },
        environment { AWS_CONFIG_FILE = folder:file "config",
          AWS_ACCESS_KEY_ID = false, AWS_SECRET_ACCESS_KEY = false })
      assert.are.equal(0, exit.code, log .. problem)
      assert.matches('"outcome":"complete"', log)
    end)
    local there = assert(client("sqs", "us-east-2"):ReceiveMessage {
      QueueUrl = "/123456789012/other" }).Messages
    assert.are.equal("one again", there[1].Body)
    assert.are.equal("sts.us-west-2.amazonaws.com AssumeRole", found[#found])
  end))
end)
