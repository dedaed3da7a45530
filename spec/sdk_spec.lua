-- Big messages with AWS's own SDKs at the other end: what they send a watcher reads, and what
-- `send` sends they read. The SDK for Python where it is installed, that for JavaScript from npm by
-- `make test-sdk`.

local cjson = require "cjson"
local core = require "watchbot.core".aws
local ecs_server = require "support.ecs_server"
local http = require "watchbot.http"
local outbox = require "support.outbox"
local process = require "watchbot.process"
local shell = require "support.shell"
local workshop = require "support.workshop"

local task = workshop.task

local SDK = os.getenv "SDK" ~= "" and os.getenv "SDK" or nil
local HERE = (shell.run "pwd"):match "[^\n]+"

-- The command of each SDK, or why it is not tried.
local function found()
  local sdks = {}
  local _, code = shell.run "python3 -c 'import boto3' 2>/dev/null"
  sdks.python = {
    argv = { "python3", "-B", HERE .. "/spec/support/sdk/big.py" }, by_host = true,
    why = code ~= 0 and "boto3 is not installed" or nil,
  }
  sdks.javascript = {
    argv = { "node", HERE .. "/spec/support/sdk/big.mjs" },
    why = not SDK and "make test-sdk gets it from npm" or nil,
  }
  return sdks
end

describe("a big message", function()
  local server

  setup(function() server = ecs_server.start() end)
  teardown(function() server:close() end)

  before_each(task(function()
    server:reset()
    server:knobs { buckets = { ["big-messages"] = "us-east-1" } }
  end))

  -- By host name, where the SDK can use a proxy: signatures and hosts are those of AWS then.
  local function environment(by_host)
    local variables = process.environment()
    for name, value in pairs(server:environment()) do variables[name] = value end
    variables.AWS_DEFAULT_REGION, variables.SDK = "us-east-1", SDK and HERE .. "/" .. SDK
    variables.AWS_SESSION_TOKEN, variables.AWS_PROFILE = nil, nil
    if by_host then
      variables.AWS_ENDPOINT_URL, variables.NO_PROXY, variables.no_proxy = nil, nil, nil
      variables.HTTPS_PROXY, variables.https_proxy = server.url, server.url
      variables.AWS_CA_BUNDLE = server:authority()
    end
    return variables
  end

  local function call(sdk, folder, input, ...)
    local argv = { table.unpack(sdk.argv) }
    table.move({ ... }, 1, select("#", ...), #argv + 1, argv)
    local child <close> = assert(process.start {
      argv = argv, cwd = folder.path, output = "capture", limit = 1 << 20, stdin = input,
      env = environment(sdk.by_host),
    })
    local exit = assert(child:wait(workshop.PATIENCE), "the SDK did not end")
    local out, problem = child:output()
    assert(exit.code == 0, out .. problem)
    return cjson.decode(out)
  end

  local function queue(sdk)
    local url = assert(server:client "sqs":CreateQueue { QueueName = "jobs" }).QueueUrl
    return sdk.by_host and "https://sqs.us-east-1.amazonaws.com/123456789012/jobs" or url
  end

  local function run(folder, sdk, arguments, more)
    local variables = environment(sdk.by_host)
    for _, name in ipairs { "AWS_ENDPOINT_URL", "NO_PROXY", "no_proxy" } do
      variables[name] = variables[name] or false
    end
    for name, value in pairs(more or {}) do variables[name] = value end
    local exit, out, problem = workshop.run(folder, arguments, variables)
    assert.are.equal(0, exit.code, out .. problem)
    return out
  end

  local BODY = ("0123456789abcdef"):rep(100000)

  for name, sdk in pairs(found()) do
    it("of the SDK for " .. name .. " is read by a watcher", task(function(folder)
      if sdk.why then return pending(sdk.why) end
      local url = queue(sdk)
      call(sdk, folder, BODY, "send", url, "big-messages", "a//b c+d")
      folder:write("policy.lua", [[return require "watchbot".policy {
        overflow = "s3://big-messages", command = 'sha256sum < "$MessageFile" > got' }]])
      run(folder, sdk, { "run", "--drain", "--queue", url, "policy.lua" })
      assert.are.equal(core.sha256(BODY), folder:read "got":match "%x+")
    end))

    it("of send is read by the SDK for " .. name, task(function(folder)
      if sdk.why then return pending(sdk.why) end
      local url = queue(sdk)
      run(folder, sdk, { "send", "--queue", url, "--overflow", "s3://big-messages/x y" },
        { stdin = BODY .. "\n" })
      local got = call(sdk, folder, nil, "receive", url)
      assert.are.equal(core.sha256(BODY), got.sha256)
      assert.matches("^x y/message/%x+%-", got.key)
    end))
  end

  -- The suite's own S3 takes what another signer has signed: it does not repeat our mistakes.
  it("has a presigned URL of the SDK for Python, too", task(function(folder)
    local sdk = found().python
    if sdk.why then return pending(sdk.why) end
    assert(server:client "s3":PutObject { Bucket = "big-messages", Key = "a b", Body = "1" })
    local url = call({ argv = sdk.argv }, folder, nil, "presign", "big-messages", "a b")
    assert.are.same({ 200, "1" }, { assert(http.request { url = url }).status,
      assert(http.request { url = url }).body })
  end))
end)

-- The language that most applications with a queue next to their tables are written in.
describe("the outbox", function()
  it("takes rows of Node and of other languages, while all are killed",
    task(function(folder)
    local missing = not SDK and "make test-sdk, which gets a client from npm" or outbox.missing()
    if missing then return pending("needs " .. missing) end
    outbox.run(folder, 60, 12)
  end))
end)
