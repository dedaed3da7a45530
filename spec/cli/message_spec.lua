local ecs_server = require "support.ecs_server"
local workshop = require "support.workshop"

local task = workshop.task

-- `watchbot message`: with S3 and tasks in spec/overflow/init_spec.lua.
describe("watchbot message", function()
  local account

  setup(function() account = ecs_server.start() end)
  teardown(function() account:close() end)

  local NONE = {
    Message = false, MessageFile = false, MessageUrl = false, MessageBucket = false,
    MessageKey = false,
  }

  local function message(folder, more, ...)
    local variables = account:environment()
    for name, value in pairs(NONE) do variables[name] = value end
    for name, value in pairs(more) do variables[name] = value end
    return workshop.run(folder, { "message", ... }, variables)
  end

  it("writes what is in the environment or in a file, unchanged", task(function(folder)
    local exit, out = message(folder, { Message = "a\nb\27[1m" })
    assert.are.same({ 0, "a\nb\27[1m" }, { exit.code, out })
    local bytes = "\0\255" .. ("x"):rep(200000)
    exit, out = message(folder, { MessageFile = folder:write("m", bytes), Message = "another" })
    assert.are.same({ 0, bytes }, { exit.code, out })
    exit, out = message(folder, { Message = "" })
    assert.are.same({ 0, "" }, { exit.code, out })
    exit, out = message(folder, { Message = "to a file" }, "copy")
    assert.are.same({ 0, "", "to a file" }, { exit.code, out, folder:read "copy" })
  end))

  it("says what is missing", task(function(folder)
    local exit, out, problem = message(folder, {})
    assert.are.same({ 2, "" }, { exit.code, out })
    assert.matches("none of %$Message, %$MessageFile, %$MessageUrl is set", problem)
    exit, out, problem = message(folder, { MessageFile = folder:file "no" })
    assert.are.same({ 1, "" }, { exit.code, out })
    assert.matches("no': no such file or directory", problem)
    exit, out, problem = message(folder, { Message = "m" }, "/no/folder/file")
    assert.are.same({ 1, "" }, { exit.code, out })
    assert.matches("/no/folder/file': no such file", problem)
    exit, out, problem = message(folder, { Message = "m" }, "one", "two")
    assert.are.equal(2, exit.code)
    assert.matches("at most one file", problem)
    assert.are.equal("", out)
  end))

  -- An object, and a URL for it.
  local function stored()
    account:reset()
    account:knobs { buckets = { ["big-messages"] = "us-east-1" } }
    local s3 = account:client "s3"
    assert(s3:PutObject { Bucket = "big-messages", Key = "k", Body = "whole" })
    return assert(s3:presign({ Bucket = "big-messages", Key = "k" }, 60))
  end

  -- A message that could not be fetched since S3 was busy for a moment would fail its task.
  it("gets a URL again that was refused for a moment", task(function(folder)
    local url = stored()
    account:knobs { faults = { { operation = "GetObject", count = 2, status = 503 } } }
    local exit, out = message(folder, { MessageUrl = url })
    assert.are.same({ 0, "whole" }, { exit.code, out })
  end))

  it("does not show the URL's signature", task(function(folder)
    local exit, out, problem = message(folder, { MessageUrl = (stored():gsub("=60", "=61")) })
    assert.are.same({ 1, "" }, { exit.code, out })
    assert.matches("%$MessageUrl: the server answered with status 403", problem)
    assert.is_nil(problem:find("Signature", 1, true))
  end))

  -- A task that ran for longer than its URL could not read its message.
  it("asks with the task's role once the URL has expired", task(function(folder)
    local url = stored()
    account:knobs { clock_ahead = 100 }
    local exit, out, problem = message(folder, { MessageUrl = url,
      MessageBucket = "big-messages", MessageKey = "k" })
    assert.are.same({ 0, "whole" }, { exit.code, out }, problem)
    exit, out, problem = message(folder, { MessageUrl = url,
      MessageBucket = "big-messages", MessageKey = "another" })
    assert.are.same({ 1, "" }, { exit.code, out })
    assert.matches("status 403; s3://big%-messages/another: .*NoSuchKey", problem)
    account:reset()
  end))
end)
