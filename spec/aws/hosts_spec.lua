-- The whole program against AWS by host name: a proxy that is every host of AWS, and refuses, in
-- AWS's words, what is signed for another region or service than its host's. No endpoint is set.

local http = require "watchbot.http"
local json = require "watchbot.lib.json"
local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"
local server = require "support.server"
local shell = require "support.shell"

local WATCHBOT = (os.getenv "WATCHBOT_BUILD" or "build") .. "/watchbot"

local NAMES = {
  "*.eu-west-1.amazonaws.com", "*.us-east-1.amazonaws.com", "*.us-west-2.amazonaws.com",
  "*.us-east-2.amazonaws.com", "*.us-gov-west-1.amazonaws.com", "*.cn-north-1.amazonaws.com.cn",
  "*.sqs.us-east-2.vpce.amazonaws.com", "*.queue.amazonaws.com", "queue.amazonaws.com",
}

describe("AWS by host name", function()
  local folder, hosts

  setup(function()
    folder = shell.folder()
    local _, code = shell.run(([[openssl req -x509 -nodes -days 2 -newkey ec \
      -pkeyopt ec_paramgen_curve:prime256v1 -keyout %s/key -out %s/certificate -subj /CN=test \
      -addext subjectAltName=DNS:%s 2>&1]]):format(folder, folder, table.concat(NAMES, ",DNS:")))
    assert(code == 0)
    hosts = server.start("python3", "spec/support/aws_hosts.py", folder .. "/certificate",
      folder .. "/key")
  end)

  teardown(function()
    hosts:close()
    shell.remove(folder)
  end)

  local function read_log()
    return json.decode(assert(http.request { url = hosts.url .. "/log" }).body)
  end

  local function log()
    local lines
    scheduler.run(function() lines = read_log() end)
    return lines
  end

  -- What came since, each once, in the order of their names.
  local function calls(body)
    local before, seen, found = #log(), {}, {}
    body()
    local lines = log()
    for index = before + 1, #lines do
      if not seen[lines[index]] then found[#found + 1] = lines[index] end
      seen[lines[index]] = true
    end
    table.sort(found)
    return found
  end

  local function program(environment, words)
    local settings = { "env", "-u", "AWS_ENDPOINT_URL", "-u", "no_proxy", "-u", "NO_PROXY",
      "AWS_EC2_METADATA_DISABLED=true", "HOME=" .. folder, "https_proxy=" .. hosts.url,
      "AWS_CA_BUNDLE=" .. folder .. "/certificate" }
    for name, value in pairs(environment) do
      settings[#settings + 1] = ("%s='%s'"):format(name, value)
    end
    return table.concat(settings, " ") .. " timeout 60 " .. WATCHBOT .. " " .. words .. " 2>&1"
  end

  local KEYS = { AWS_ACCESS_KEY_ID = "AKID", AWS_SECRET_ACCESS_KEY = "secret" }

  local function with(more)
    local all = {}
    for name, value in pairs(KEYS) do all[name] = value end
    for name, value in pairs(more) do all[name] = value end
    return all
  end

  for url, expected in pairs {
    ["https://sqs.eu-west-1.amazonaws.com"] = "eu-west-1.amazonaws.com",
    ["https://eu-west-1.queue.amazonaws.com"] = "eu-west-1.amazonaws.com",
    ["https://queue.amazonaws.com"] = "us-east-1.amazonaws.com",
    ["https://vpce-0a1b.sqs.us-east-2.vpce.amazonaws.com"] = "us-east-2.amazonaws.com",
    ["https://sqs.cn-north-1.amazonaws.com.cn"] = "cn-north-1.amazonaws.com.cn",
    ["https://sqs.us-gov-west-1.amazonaws.com"] = "us-gov-west-1.amazonaws.com",
  } do
    it("shows the status of a queue at " .. url .. ", whatever AWS_REGION is", function()
      local out, code
      local region = expected:match "^[^.]+"
      local found = calls(function()
        out, code = shell.run(program(with { AWS_REGION = "us-west-2" },
          ("status --queue %s/123456789012/jobs"):format(url)))
      end)
      assert.are.equal(0, code, out)
      assert.matches("waiting +3\n", out)
      assert.matches("oldest +7", out)
      local wanted = {
        ("monitoring.%s %s/monitoring GetMetricData"):format(expected, region),
        ("%s %s/sqs GetQueueAttributes"):format(url:match "//(.+)", region),
      }
      table.sort(wanted)
      assert.are.same(wanted, found)
    end)
  end

  -- RunTask went to the host of SQS: no task ever started, and each receive counted.
  it("starts a task in a cluster that is given by name", function()
    shell.write(folder .. "/policy.lua", [[return require "watchbot".policy {
      queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs",
      task = { cluster = "my-cluster", definition = "work:1", container = "work" },
      drain = 1, kill_grace = 1,
    }]])
    local run
    scheduler.run(function()
      local command = program(with { AWS_REGION = "us-west-2" },
        ("run %s/policy.lua"):format(folder))
      local child <close> = assert(process.start {
        argv = { "sh", "-c", "exec " .. command }, output = "capture",
      })
      local deadline = scheduler.now() + 60
      repeat
        scheduler.sleep(0.1)
        run = (table.concat(read_log(), "\n") .. "\n"):match "[^\n]+ RunTask\n"
      until run or scheduler.now() > deadline
      child:kill "TERM"
      child:wait(20)
    end)
    assert.are.equal("ecs.us-west-2.amazonaws.com us-west-2/ecs RunTask\n", run)
  end)

  -- Without AWS_REGION the role was looked for in us-east-1.
  it("assumes a role where the queue is, when no region is set", function()
    shell.write(folder .. "/config", "[default]\nrole_arn = arn:aws-cn:iam::1:role/r\n"
      .. "source_profile = base\n[profile base]\naws_access_key_id = AKID\n"
      .. "aws_secret_access_key = secret\n")
    local out, code
    local found = calls(function()
      out, code = shell.run(program({ AWS_CONFIG_FILE = folder .. "/config" },
        "status --queue https://sqs.cn-north-1.amazonaws.com.cn/1/jobs"))
    end)
    assert.are.equal(0, code, out)
    assert.are.equal("sts.cn-north-1.amazonaws.com.cn cn-north-1/sts AssumeRole", found[#found])
  end)
end)
