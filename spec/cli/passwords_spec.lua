-- A queue URL with user:password@ was printed whole by `watchbot check`, and thus stood in logs of
-- builds; other commands signed it for another host and sent it there. Each command is given one,
-- by each way in which it takes a URL, and every byte that comes out is looked at.

local cli = require "watchbot.cli"
local workshop = require "support.workshop"

local task = workshop.task

local SECRET = "hunter2pw"
local URL = "http://bob:" .. SECRET .. "@127.0.0.1:1/1/jobs"

-- => what the command prints to both streams
local function run(folder, argv, variables)
  local env = {
    AWS_REGION = "eu-west-1", AWS_ACCESS_KEY_ID = "a", AWS_SECRET_ACCESS_KEY = "b",
    AWS_MAX_ATTEMPTS = "1", AWS_EC2_METADATA_DISABLED = "true",
    AWS_ENDPOINT_URL = "http://127.0.0.1:1",
  }
  for name, value in pairs(variables or {}) do env[name] = value end
  local exit, out, err = workshop.run(folder, argv, env)
  return out .. err, exit
end

local function assert_hidden(bytes, what)
  assert.is_nil(bytes:find(SECRET, 1, true), ("%s: %q"):format(what, bytes))
end

-- What each command is given besides the URL; those that take none are in ELSEWHERE.
local WALK = {
  send = { "--queue", URL, "hello" }, status = { "--queue", URL }, logs = { "--log-group", URL },
  run = { "--drain", "--queue", URL, "--", "true" },
  ["dead-letter"] = { "list", "--queue", URL }, progress = { "status", "job", "--queue", URL },
  check = { "policy.lua" }, test = { "policy.lua", "--message", "x" }, template = { URL },
  init = { "--" .. URL }, health = { URL }, queue = { "salvage", URL, "new.db" },
  pause = { "--queue", URL }, resume = { "--queue", URL },
  message = {}, schedule = { "policy.lua" },
  console = { "--queue", URL, "--listen", "127.0.0.1:0" },
  jobs = { "--queue", URL }, move = { "--from", URL, "--to", URL },
  simulate = { "policy.lua", "--messages", "1" }, listen = { "true" }, lua = { "lua-of-" .. URL },
  ["worker-capacity"] = { "--cluster", URL },
}

describe("a password in a URL", function()
  it("is printed by no command", task(function(folder)
    folder:write("policy.lua", ([[return require "watchbot".policy {
      queue = %q, command = { "true", "--db=%s" }, progress = %q }]]):format(URL, URL, URL))
    for _, command in ipairs(cli.commands) do
      local name = command[1]
      local words = assert(WALK[name], name .. " is walked nowhere")
      local out = run(folder, { name, table.unpack(words) }, {
        QueueUrl = URL, MessageUrl = URL,
      })
      assert.is_true(#out > 0, name)
      assert_hidden(out, name)
    end
    local out = run(folder, { "check", "--json", "policy.lua" })
    assert.matches('"message":"queue \'http://%[hidden%]@127.0.0.1:1/1/jobs\': ', out)
    assert_hidden(out, "check --json")
    assert_hidden(run(folder, { "test", "--json", "policy.lua", "--message", "x" }), "test --json")
  end))

  it("is shown in a message, which is its sender's", task(function(folder)
    folder:write("policy.lua", 'return require "watchbot".policy { command = "true" }')
    local shown = run(folder, { "test", "policy.lua", "--message", URL })
    assert.matches("Message=" .. URL:gsub("%p", "%%%0") .. "\n", shown)
    shown = run(folder, { "test", "--json", "policy.lua", "--message", URL })
    assert.is_truthy(shown:find(('"Message":"%s"'):format(URL), 1, true))
  end))

  it("is printed from no variable", task(function(folder)
    folder:write("policy.lua", [[return require "watchbot".policy {
      queue = "http://127.0.0.1:1/1/jobs", command = "true" }]])
    for _, name in ipairs {
      "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_STS", "HTTPS_PROXY",
      "http_proxy", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_EC2_METADATA_SERVICE_ENDPOINT",
      "QueueUrl", "NotificationTopic", "LogGroup", "WorkTopic", "ProgressTable", "Cluster",
      "ECS_CONTAINER_METADATA_URI_V4", "ECS_AGENT_URI", "OTEL_EXPORTER_OTLP_ENDPOINT",
      "OTEL_EXPORTER_OTLP_HEADERS", "AWS_CA_BUNDLE", "AWS_PROFILE", "AWS_CONFIG_FILE",
      "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION",
    } do
      local variables = { [name] = URL, AWS_ACCESS_KEY_ID = name:find "META" and "" or nil,
        AWS_SECRET_ACCESS_KEY = name:find "META" and "" or nil,
        AWS_EC2_METADATA_DISABLED = name:find "METADATA" and "false" or nil }
      for _, argv in ipairs { { "check" }, { "check", "--json", "policy.lua" },
        { "status", "--queue", "http://127.0.0.1:1/1/jobs" }, { "status" } } do
        assert_hidden(run(folder, argv, variables), name .. ", " .. table.concat(argv, " "))
      end
    end
  end))

  it("in a queue's URL is refused, as is what requests cannot go to", task(function(folder)
    for _, url in ipairs { URL, "https://bob@h/1/jobs", "https://a:b/c@h/1/jobs" } do
      local out, exit = run(folder, { "send", "--queue", url, "x" })
      assert.are.equal(2, exit.code)
      assert.matches("@.*: a queue's URL has no user name or password", out)
    end
    local told, status = run(folder, { "send", "--queue", "bob:" .. SECRET .. "@h/1/jobs", "x" })
    assert.are.equal(2, status.code)
    assert_hidden(told, "without a scheme")
    for _, url in ipairs { "https://", "https:///1/j", "https://h:99999/1/j", "https:h/1/j" } do
      local out, exit = run(folder, { "send", "--queue", url, "x" })
      assert.are.equal(2, exit.code, url)
      assert.matches("expected sqlite:FILE or https://", out)
    end
  end))

  it("fails the check of its policy", task(function(folder)
    folder:write("policy.lua", ('return require "watchbot".policy { queue = %q, command = "x" }')
      :format(URL))
    local out, exit = run(folder, { "check", "policy.lua" })
    assert.are.equal(1, exit.code, out)
    assert.matches("  queue +failure: queue 'http://%[hidden%]@", out)
    assert.matches("a queue's URL has no user name", out)
  end))
end)
