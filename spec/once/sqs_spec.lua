-- Keys of an SQS queue, in DynamoDB, with the whole program.

local cloud = require "support.cloud"
local doubles = require "support.doubles"
local workshop = require "support.workshop"

local task = workshop.task

describe("keys of an SQS queue", function()
  local account
  cloud.around_own(function(opened) account = opened end)

  local function send(url, lines)
    for start = 1, #lines, 10 do
      local entries = {}
      for index = start, math.min(start + 9, #lines) do
        entries[#entries + 1] = { Id = tostring(index), MessageBody = lines[index] }
      end
      assert(account.sqs:SendMessageBatch { QueueUrl = url, Entries = entries })
    end
  end

  local function environment(more)
    local variables = account:environment()
    for name, value in pairs(more) do variables[name] = value end
    return variables
  end

  for _, runner in ipairs { "process", "handler", "resident" } do
    it("complete once, or are reported as in doubt: " .. runner, task(function(folder)
      local url = account:queue { max_receives = 100 }
      doubles.check(folder, {
        runner = runner, keys = 60, kills = 6, url = url,
        environment = environment { OnceTable = account:table() },
        send = function(lines) send(url, lines) end,
      })
      assert.are.equal(0, account:count(url))
    end))
  end

  local function run_without(folder, more)
    folder:write("policy.lua", ([[return require "watchbot".policy {
      queue = %q, command = "true", once = "body" }]]):format(account:queue()))
    local exit, out, err = workshop.run(folder, { "run", "--drain", "policy.lua" },
      environment(more))
    return exit.code, out .. err
  end

  it("end the watcher at its start where there is no table", task(function(folder)
    local code, said = run_without(folder, {
      OnceTable = "arn:aws:dynamodb:eu-west-1:123456789012:table/none",
    })
    assert.are.equal(1, code)
    assert.matches("table/none' of 'once_table' does not exist", said, 1, true)
    code, said = run_without(folder, { OnceTable = false })
    assert.are.equal(2, code)
    assert.matches("needs 'once_table'", said, 1, true)
  end))

  it("end the watcher at its start where a permission is missing", task(function(folder)
    local keys = account:user "dynamodb:PutItem"
    local code, said = run_without(folder, {
      OnceTable = account:table(), AWS_ACCESS_KEY_ID = keys.access_key,
      AWS_SECRET_ACCESS_KEY = keys.secret_key,
    })
    assert.are.equal(1, code)
    assert.matches("do not allow 'dynamodb:PutItem' on arn:aws:dynamodb", said, 1, true)
  end))

  -- A message must not run without its key, nor be given up, while the table does not answer.
  it("wait for a table that fails for a while", task(function(folder)
    local url = account:queue { max_receives = 1 }
    send(url, { "a", "a" })
    folder:write("policy.lua", ([[return require "watchbot".policy {
      queue = %q, command = "echo $Message >> done", once = "body", visibility = 30 }]])
      :format(url))
    local watcher = workshop.start(folder, { "run", "policy.lua" },
      environment { OnceTable = account:table() })
    workshop.eventually(function() return (watcher:output()):find("watching", 1, true) end)
    workshop.eventually(function() return #folder:lines "done" == 1 end)
    workshop.eventually(function() return account:count(url) == 0 end)
    account.server:knobs { faults = { {
      operation = "PutItem", count = 12, status = 500, code = "InternalServerError",
      message = "no",
    } } }
    send(url, { "b" })
    workshop.eventually(function() return #folder:lines "done" == 2 end)
    workshop.eventually(function() return account:count(url) == 0 end)
    watcher:kill "TERM"
    watcher:wait()
    assert.matches('"held":true', (watcher:output()))
  end))
end)
