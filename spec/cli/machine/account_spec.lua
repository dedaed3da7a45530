-- What `watchbot check` finds out by asking AWS: the identity, its permissions, the clock.

local cloud = require "support.cloud"
local json = require "watchbot.lib.json"
local start = require("support.server").start
local workshop = require "support.workshop"

local task = workshop.task

-- An endpoint whose clock is ten minutes behind.
local function late_server(folder)
  return start("python3", folder:write("late.py", [[
import email.utils, http.server, os, sys, threading, time
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0))).start()
class Late(http.server.BaseHTTPRequestHandler):
    def date_time_string(self, timestamp=None):
        return email.utils.formatdate(time.time() - 600, usegmt=True)
    def do_GET(self):
        self.send_error(400)
    def log_message(self, *words):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Late)
print(server.server_port, flush=True)
server.serve_forever()
]]))
end

local function task_of(body)
  return function() task(body)() end
end

describe("the account", function()
  local account
  cloud.around_own(function(made) account = made end)

  local function environment(keys, more)
    local variables = {
      AWS_ENDPOINT_URL = account.url, AWS_REGION = account.region,
      AWS_ACCESS_KEY_ID = keys.access_key, AWS_SECRET_ACCESS_KEY = keys.secret_key,
      AWS_EC2_METADATA_DISABLED = "true", NotificationTopic = false, QueueUrl = false,
    }
    for name, value in pairs(more or {}) do variables[name] = value end
    return variables
  end

  -- => findings by what they are about, status, all that was printed
  local function look(folder, keys, more, ...)
    local exit, out, err = workshop.run(folder, { "check", "--json", ... }, environment(keys, more))
    local found = {}
    for _, finding in ipairs(json.decode(out).findings) do found[finding.what] = finding end
    return found, exit.code, out .. err
  end

  it("is named, with where its keys are from, and never a secret", task_of(function(folder)
    local keys = account:user()
    local found, status, all = look(folder, keys, { QueueUrl = account:queue() })
    assert.are.equal(0, status, all)
    assert.are.equal("ok", found.credentials.level)
    assert.matches("^of environment %(access key %.%.%.%w+%), arn:aws:iam::%d+:user/.*, do not "
      .. "expire$", found.credentials.message)
    assert.are.equal("ok", found.endpoint.level)
    assert.matches("agrees", found.clock.message)
    assert.is_nil(all:find(keys.secret_key, 1, true))
    assert.is_nil(all:find(keys.access_key, 1, true))
  end))

  it("is known without a queue, and looked at with a policy", task_of(function(folder)
    local keys = account:user()
    local found, status = look(folder, keys)
    assert.are.equal(0, status)
    assert.matches("arn:aws:iam", found.credentials.message)
    folder:write("policy.lua", ([[return require "watchbot".policy { queue = %q,
      command = "true" }]]):format(account:queue()))
    found, status = look(folder, keys, nil, "policy.lua")
    assert.are.equal(0, status)
    assert.are.equal("ok", found["sqs:DeleteMessage"].level)
  end))

  it("lacks no permission, by its IAM action", task_of(function(folder)
    local url, arn = account:queue(), account:topic {}
    for _, action in ipairs { "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sns:Publish" } do
      local found, status, all = look(folder, account:user(action),
        { QueueUrl = url, NotificationTopic = arn })
      assert.are.equal(1, status, all)
      assert.are.equal("failure", found[action].level)
      assert.matches("do not allow '" .. action .. "'", found[action].message)
      local failures = select(2, all:gsub('"failure"', ""))
      assert.are.equal(1, failures, all)
    end
    local found, status = look(folder, account:user "sqs:GetQueueAttributes", { QueueUrl = url })
    assert.are.equal(0, status)
    assert.are.equal("warning", found["sqs:GetQueueAttributes"].level)
  end))

  it("is refused, or there is none", task_of(function(folder)
    local url = account:queue()
    local found, status = look(folder, { access_key = "AKIDGONE", secret_key = "s3cret" },
      { QueueUrl = url })
    assert.are.equal(1, status)
    assert.matches("AWS refuses them", found.credentials.message)
    found, status = look(folder, {}, { QueueUrl = url, HOME = folder.path })
    assert.are.equal(1, status)
    assert.are.equal("failure", found.credentials.level)
    found, status = look(folder, {}, { HOME = folder.path })
    assert.are.equal(0, status)
    assert.are.equal("warning", found.credentials.level)
  end))

  it("says when the keys expire", task_of(function(folder)
    local keys = account:user()
    folder:write("keys.sh", ([[#!/bin/sh
      date=$(date -u -d '+SECONDS seconds' +%%Y-%%m-%%dT%%H:%%M:%%SZ)
      echo '{"Version":1,"AccessKeyId":"%s","SecretAccessKey":"%s",'
      echo '"Expiration":"'$date'"}']])
      :format(keys.access_key, keys.secret_key))
    folder:write("config", ("[default]\ncredential_process = %s\n"):format(folder:file "keys.sh"))
    local source = folder:read "keys.sh"
    for seconds, level in pairs { [300] = "warning", [7300] = "ok" } do
      folder:write("keys.sh", (source:gsub("SECONDS", tostring(seconds))))
      local found, _, all = look(folder, {}, { AWS_CONFIG_FILE = folder:file "config" })
      assert.are.equal(level, found.credentials.level, all)
      assert.matches("profile 'default'.*expire at %d+%-%d+%-%d+T", found.credentials.message)
    end
    local found = look(folder, keys, { AWS_SESSION_TOKEN = "token" })
    assert.are_not.equal("ok", found.credentials.level)
  end))

  it("has its keys in a file that others may not read", task_of(function(folder)
    local path = folder:write("credentials", "[default]\naws_access_key_id = AKIDROOT\n"
      .. "aws_secret_access_key = secret-of-root\n")
    for mode, level in pairs { [640] = "warning", [644] = "warning" } do
      os.execute(("chmod %d '%s'"):format(mode, path))
      local found = look(folder, {}, { AWS_SHARED_CREDENTIALS_FILE = path })
      assert.are.equal(level, found["credentials file"].level)
      assert.matches("chmod 600", found["credentials file"].message)
    end
    os.execute("chmod 600 " .. path)
    assert.is_nil(look(folder, {}, { AWS_SHARED_CREDENTIALS_FILE = path })["credentials file"])
  end))

  -- A clock that was ten minutes late made every request fail with a text about signatures.
  it("has the same time as the machine", task_of(function(folder)
    local late = late_server(folder)
    local found = look(folder, account:user(), {
      QueueUrl = "https://sqs.eu-west-1.amazonaws.com/1/jobs", AWS_ENDPOINT_URL_SQS = late.url,
    })
    late:close()
    assert.are.equal("warning", found.clock.level)
    assert.matches("is %d+ s ahead of the endpoint's.*start NTP", found.clock.message)
  end))

  it("is beyond a network that does not answer", task_of(function(folder)
    local found, status = look(folder, account:user(), { AWS_ENDPOINT_URL = "http://127.0.0.1:1",
      QueueUrl = account:queue() })
    assert.are.equal(1, status)
    assert.are.equal("failure", found.endpoint.level)
    assert.are.equal("warning", found.identity.level)
  end))
end)
