-- `watchbot logs`, against CloudWatch Logs and CloudFormation on moto.

local cjson = require "cjson"
local cloud = require "support.cloud"
local scheduler = require "watchbot.scheduler"
local tmux = require "support.tmux"
local workshop = require "support.workshop"

local task = workshop.task

local ONE, TWO = "e2c045cc-5606-4950-964b-20877900bccb", "0c8a1d0e-7f43-4a7e-8ff7-4b9d1c1d3a51"

local function line(id, text)
  return ("[Thu, 28 Jul 2016 00:12:37 GMT] [worker] [%s] %s"):format(id, text)
end

describe("watchbot logs", function()
  local account

  cloud.around(function(made) account = made end)

  local function put(group, ...)
    local events, now = {}, scheduler.time()
    for index, text in ipairs { ... } do
      events[index] = { timestamp = now - 1000 + index, message = text }
    end
    assert(account.logs:PutLogEvents {
      logGroupName = group, logStreamName = "s", logEvents = events,
    })
  end

  local function group_with(...)
    local group = account:name "group"
    assert(account.logs:CreateLogGroup { logGroupName = group })
    assert(account.logs:CreateLogStream { logGroupName = group, logStreamName = "s" })
    put(group, ...)
    return group
  end

  local function environment(more)
    local variables = account:environment()
    variables.StackName, variables.LogGroup, variables.LogGroupArn = false, false, false
    for name, value in pairs(more or {}) do variables[name] = value end
    return variables
  end

  local function run(folder, arguments, more)
    return workshop.run(folder, { "logs", table.unpack(arguments) }, environment(more))
  end

  it("prints lines for people, and with --raw byte for byte", task(function(folder)
    local group = group_with(line(ONE, "a\27[31m red \7\u{9B}6n"), line(TWO, "b"))
    local exit, out, problem = run(folder, { "--log-group", group })
    assert.are.equal(0, exit.code, problem)
    assert.are.equal(line(ONE, "a red \\u{7}\\u{9b}6n") .. "\n" .. line(TWO, "b") .. "\n", out)
    exit, out, problem = run(folder, { "--log-group", group, "--raw" })
    assert.are.equal(0, exit.code, problem)
    assert.are.equal(line(ONE, "a\27[31m red \7\u{9B}6n") .. "\n" .. line(TWO, "b") .. "\n", out)
    assert.are.equal("", problem)
    exit, out = run(folder, { "--message", TWO }, { LogGroup = group })
    assert.are.equal(0, exit.code)
    assert.are.equal(line(TWO, "b") .. "\n", out)
    exit, out = run(folder, { "--grep", "red" }, { LogGroup = group })
    assert.are.equal(0, exit.code)
    assert.are.equal(line(ONE, "a red \\u{7}\\u{9b}6n") .. "\n", out)
    -- moto knows groups by their names only.
    exit, out, problem = run(folder, {}, {
      LogGroupArn = "arn:aws:logs:eu-west-1:123456789012:log-group:tiles:*",
    })
    assert.are.equal(1, exit.code)
    assert.matches("^watchbot: logs: ", problem)
    assert.are.equal("", out)
  end))

  it("finds the group of a stack, and prints JSON for scripts", task(function(folder)
    local group = group_with(line(ONE, "a"))
    local stack = account:name "stack"
    assert(account:client "cloudformation":CreateStack { StackName = stack,
      TemplateBody = cjson.encode {
      Resources = { WatchbotQueue = { Type = "AWS::SQS::Queue" } },
      Outputs = {
        WatchbotLogGroup = { Value = group },
        WatchbotQueueUrl = { Value = { Ref = "WatchbotQueue" } },
      },
    } })
    local exit, out, problem = run(folder, { "--stack", stack, "--json", "--since", "1h" })
    assert.are.equal(0, exit.code, problem)
    local told = cjson.decode(out)
    assert.are.equal(line(ONE, "a"), told.message)
    assert.are.equal("s", told.stream)
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT", told.timestamp)
  end))

  it("follows until it is told to stop, and ends when its reader goes away", task(function(folder)
    local group = group_with(line(ONE, "first"))
    local child <close> =
      workshop.start(folder, { "logs", "--log-group", group, "--follow" }, environment())
    workshop.eventually(function() return child:output():find("first", 1, true) end,
      "the first line")
    put(group, line(ONE, "second"), line(TWO, "third"))
    workshop.eventually(function() return child:output():find("third", 1, true) end,
      "the third line")
    child:kill "TERM"
    assert.are.equal(143, child:wait(workshop.PATIENCE).code)
    assert.are.equal(line(ONE, "first") .. "\n" .. line(ONE, "second") .. "\n" .. line(TWO, "third")
      .. "\n", (child:output()))

    local command = ("%s logs --log-group %s --follow | head -n 1 > first"):format(workshop.program,
      group)
    local piped = assert(require "watchbot.process".start {
      command = command, cwd = folder.path, env = (function()
        local variables = require "watchbot.process".environment()
        for name, value in pairs(environment()) do variables[name] = value or nil end
        return variables
      end)(),
    })
    -- It notices that the reader is gone with its next write.
    local exit = workshop.eventually(function()
      put(group, line(TWO, "more"))
      return piped:wait(0.2)
    end, "the end of the pipe")
    assert.are.equal(0, exit.code)
    assert.are.equal(line(ONE, "first") .. "\n", folder:read "first")
  end))

  it("gives each message a colour on a terminal, and lets no line drive it", task(function(folder)
    local group = group_with(line(ONE, "a\27]0;title\7 b"), line(ONE, "c"))
    local command = workshop.program .. " logs --log-group " .. group
    local screen <close> = tmux.start(folder, command, environment { TERM = "screen" })
    screen:shows "%[ended 0%]"
    local coloured = screen:coloured()
    local first, second = coloured:match "(\27%[%d+m)%[Thu[^\n]*\n[^\n]-(\27?%[?%d*m?)%[Thu"
    assert.is_truthy(first, coloured)
    assert.is_truthy(second == first or second == "", coloured)
    assert.is_truthy(screen:text():find("a\\u{1b}]0;title\\u{7} b", 1, true), screen:text())
  end))

  it("refuses what makes no sense, with status 2", task(function(folder)
    for _, one in ipairs {
      { { "--log-group", "g", "--since", "yesterday" }, "logs: %-%-since: expected how long ago" },
      {
        { "--log-group", "g", "--since", "1h", "--until", "2h" },
        "logs: %-%-until [%w-]+ is not after %-%-since [%w-]+",
      },
      { { "--log-group", "g", "--follow", "--until", "1h" }, "%-%-follow and %-%-until cannot" },
      { { "e2c0" }, "logs: unexpected argument 'e2c0'; name a message with %-%-message" },
      { {}, "logs: no log group: give %-%-stack NAME, %-%-log%-group, or set %$LogGroup" },
    } do
      local exit, _, problem = run(folder, one[1])
      assert.are.equal(2, exit.code, problem)
      assert.matches(one[2], problem)
    end
    local exit, _, problem = run(folder, { "--log-group", "no-such-group" })
    assert.are.equal(1, exit.code)
    assert.matches("log group 'no%-such%-group' does not exist", problem)
  end))
end)
