--- cli.test: `watchbot test`: shows what a policy would do with a message and the end of its task.
-- Runs the hooks without side effects, by watchbot.testing.

local json = require "watchbot.lib.json"
local list = require "watchbot.lib.list"
local options = require "watchbot.cli.options"
local output = require "watchbot.cli.output"
local secret_names = require "watchbot.cli.secret_names"
local sorted = require "watchbot.lib.sorted"
local testing = require "watchbot.testing"
local text = require "watchbot.lib.text"
local urls = require "watchbot.lib.urls"
local whole_file = require "watchbot.lib.whole_file"

-- The outcomes of a policy, then the states that a message without an outcome can be in.
local OUTCOMES = { "complete", "reject", "release", "retry", "bury", "held", "queued" }

local becomes = {
  complete = "the message is deleted", reject = "the message has failed and is deleted",
  release = "the message returns to the queue",
  retry = "the message has failed and returns to the queue",
  bury = "the message has failed and moves to the dead-letter queue",
  held = "the message is held without using a slot",
  queued = "the message stays in the queue: the hook 'poll' asks for no messages",
}

local test = {
  summary = "Shows what a policy would do with a message and an exit code, or runs specs.",
  usage = "POLICY.lua --message TEXT [OPTIONS] | --spec [FILE|FOLDER...]",
  options = {
    { name = "message", value = "TEXT", help = "the message; default: standard input" },
    {
      name = "body-file", value = "FILE",
      help = "the message as it came from the queue; -: standard input",
    },
    { name = "subject", value = "TEXT", help = "the message's Subject" },
    {
      name = "attribute", value = "NAME=VALUE", many = true,
      help = "a message attribute; may be repeated",
    },
    { name = "group", value = "ID", help = "the FIFO group" },
    {
      name = "receives", value = "N", number = true,
      help = "the receive count; default: 1",
    },
    {
      name = "exit", value = "CODE", number = true, help = "the exit code of the task; default: 0",
    },
    { name = "signal", value = "NAME", help = "the signal that ends the task instead: KILL" },
    { name = "timed-out", help = "the task is stopped by the policy's `timeout`" },
    {
      name = "reason", value = "TEXT",
      help = "why the task ended, in addition to its exit code",
    },
    {
      name = "expect", value = "OUTCOME", choices = OUTCOMES,
      help = "exit with status 1 unless this is the outcome",
    },
    { name = "json", help = "print one object of JSON" },
    { name = "spec", help = "run the specs of these files and folders; default: spec" },
    {
      name = "output", value = "FORM", choices = { "plain", "tap", "junit" },
      help = "how to print the results of specs; default: plain",
    },
  },
  details = [[
Hooks run, and waiting takes no time. Calls to AWS, HTTP, programs and queues are not made: they are
printed, and succeed with an empty result. Calls of Lua's `io` and `os` are real. A `handler` runs,
unless --exit, --signal or --timed-out define its end. An SNS envelope is unwrapped.

--spec runs specs written for busted, without busted: describe, it, before_each, after_each, setup,
teardown, finally, pending, and all of luassert, which the program carries: assertions, spies,
stubs, mocks, matchers, snapshots. Other functions of busted raise an error that names them.

examples:
  watchbot test policy.lua --message 'tile 7/3/5' --exit 3     rejected: shows the notification
  watchbot test policy.lua --message x --signal KILL --receives 10
  watchbot test policy.lua --message x --exit 75 --expect release    in a script: status 1 otherwise
  watchbot test policy.lua --body-file message.json --json     a raw queue message; for scripts]],
}

-- the arguments

local function read_body(path)
  local body, err = whole_file(path)
  if not body then return nil, "test: could not read the message: " .. err, "Usage" end
  return body
end

local function attributes_of(arguments)
  local attributes = {}
  for _, given in ipairs(arguments.attribute or {}) do
    local name, value = options.pair(given)
    if not name then return nil, "test: --attribute: " .. value, "Usage" end
    attributes[name] = value
  end
  return attributes
end

local function message_of(arguments)
  local body, problem, code = arguments.message, nil, nil
  if not body then body, problem, code = read_body(arguments["body-file"] or "-") end
  if not body then return nil, problem, code end
  local attributes
  attributes, problem, code = attributes_of(arguments)
  if not attributes then return nil, problem, code end
  return {
    body = body, subject = arguments.subject, attributes = attributes, group = arguments.group,
    receives = arguments.receives and math.tointeger(arguments.receives) or 1,
  }
end

local function how_many(arguments, ...)
  local count = 0
  for _, name in ipairs { ... } do count = count + (arguments[name] ~= nil and 1 or 0) end
  return count
end

-- => an error's text, or nil
local function misuse(arguments)
  local path, err = options.only_word(arguments, "policy",
    "watchbot test POLICY.lua --message TEXT")
  if not path then return err end
  if how_many(arguments, "message", "body-file") > 1 then
    return "either --message or --body-file, not both"
  end
  if how_many(arguments, "exit", "signal", "timed-out") > 1 then
    return "--exit, --signal and --timed-out cannot be combined"
  end
  for name, least in pairs { exit = 0, receives = 1 } do
    local value = arguments[name]
    if value and not (math.tointeger(value) and value >= least
      and value <= (name == "exit" and 255 or math.huge)) then
      return ("--%s: expected a number from %d to %s, got '%s'"):format(name, least,
        name == "exit" and "255" or "2^53", value)
    end
  end
  if arguments.signal and not arguments.signal:match "^%u[%u%d]*$" then
    return ("--signal: expected a name like KILL, got '%s'"):format(
      text.word(arguments.signal))
  end
end

-- the test

local function ends(arguments)
  return how_many(arguments, "exit", "signal", "timed-out") > 0
end

local function finish(w, arguments)
  if arguments["timed-out"] then
    w:advance(w.policy.timeout)
    return
  end
  w:exits {
    code = not arguments.signal and math.tointeger(arguments.exit or 0) or nil,
    signal = arguments.signal,
    reason = arguments.reason,
  }
end

local function judge(path, message, arguments)
  local given = {}
  if ends(arguments) then given.handler = false end
  local w <close> = testing.watch(path, given)
  if arguments["timed-out"] and w.policy.timeout == 0 then
    return nil, "test: --timed-out: the policy has no 'timeout': its tasks are never stopped",
      "Usage"
  end
  w:message(message)
  local environment, command = w:environment(), w:command()
  if w:state() == "running" then finish(w, arguments) end
  return {
    environment = environment, command = command, outcome = w:outcome() or w:state(),
    decided = w:decided(), exit = w:exit(),
    seconds = w:backoff(), notifications = w:notifications(), calls = w:calls(),
    errors = w:errors(),
    topic = w.policy.topic ~= testing.TOPIC and w.policy.topic or nil,
    last = w:job() ~= nil and w:job().last,
    took = w:now(), hidden = w.policy.env,
  }
end

-- what is shown

local function words_of(command)
  if type(command) == "function" then return "the policy's handler" end
  if type(command) == "string" then return command .. " (in sh)" end
  if command.event then
    local program = command.program
    return ("%s %s"):format(command.kind,
      type(program) == "table" and table.concat(program, " ") or program)
  elseif command.overrides then
    return ("an ECS task of %s on %s"):format(command.taskDefinition, command.cluster)
  end
  if command.containerOverrides then return "an ECS task" end
  return table.concat(command, " ")
end

local function show(label, value)
  output.line(("%-13s %s"):format(label, (tostring(value):gsub("\n", "\n" .. (" "):rep(14)))))
end

-- Values of the policy's `env` may be secrets, and those that the hook `environment` adds.
local HIDDEN = "(hidden)"

-- What a sender writes is shown as it came.
local AS_SENT = {
  Message = true, Subject = true, MessageAttributes = true, event = true, body = true,
}

local function shown_value(name, value, hidden)
  if value ~= nil and hidden[name] == value then return HIDDEN end
  if type(value) == "string" and secret_names.is(tostring(name)) then return HIDDEN end
  return type(value) == "string" and not AS_SENT[name] and urls.hide(value) or value
end

local function show_environment(environment, hidden)
  for index, name in ipairs(sorted.keys(environment)) do
    show(index == 1 and "environment" or "",
      ("%s=%s"):format(name, text.plain(shown_value(name, environment[name], hidden))))
  end
end

local deciders = {
  admit = "the policy's hook 'admit'", verdict = "the policy's hook 'verdict'",
  exits = "the policy's 'exits'", envelope = "the policy's 'envelope'",
  handler = "the policy's handler", default = "the defaults", stop = "the end of the watcher",
}

local function show_outcome(result)
  show("outcome", ("%s: %s"):format(result.outcome, becomes[result.outcome]))
  if not result.decided then return end
  show("decided by",
    deciders[result.decided] or ("the hook '%s', which failed"):format(result.decided))
  if result.outcome == "held" then
    show("asked again", ("after %g s"):format(result.seconds or 1))
  elseif result.seconds then
    local dead = result.last and (result.outcome == "retry" or result.outcome == "release")
    show("seen again",
      dead and "never: it moves to the dead-letter queue" or ("after %g s"):format(result.seconds))
  end
end

local function show_notifications(result)
  if #result.notifications == 0 then show("notification", "none") end
  for _, notification in ipairs(result.notifications) do
    show("notification", result.topic or "no topic is set: it would not be sent")
    show("", "Subject: " .. notification.subject)
    show("", notification.body)
  end
end

local function print_text(result)
  if result.command then show("command", urls.hide(words_of(result.command))) end
  if type(result.command) == "table" and result.command.event then
    show("event", text.plain(result.command.event))
  elseif result.environment then
    show_environment(result.environment, result.hidden)
  end
  show_outcome(result)
  for _, call in ipairs(result.calls) do
    show("call", ("%s by %s"):format(call.name, call.hook or "the policy"))
  end
  show_notifications(result)
  for _, problem in ipairs(result.errors) do
    show("error", ("in %s: %s"):format(problem.where, urls.hide(problem.message)))
  end
end

-- Hooks may pass any value on; JSON has no functions, no NaN, and only UTF-8.
local function plain(value, hidden, depth)
  if type(value) == "string" then return text.clean(value) end
  if type(value) == "boolean" or math.type(value) == "integer" then return value end
  if math.type(value) == "float" and value - value == 0 then return value end
  if type(value) ~= "table" or depth > 20 then return text.clean(tostring(value)) end
  local copy, listed = {}, next(value) ~= nil and list.is(value)
  for key, item in pairs(value) do
    -- { name = "X", value = "..." } is a variable of an ECS task.
    local name = key == "value" and value.name or key
    copy[listed and key or text.clean(tostring(key))] =
      plain(shown_value(name, item, hidden), hidden, depth + 1)
  end
  return copy
end

local function print_json(result)
  local hidden = result.hidden
  result.hidden = nil
  local shown = plain(result, hidden, 0)
  for _, name in ipairs { "notifications", "calls", "errors" } do json.list(shown[name]) end
  output.json(shown)
end

local function run_specs(arguments)
  for _, name in ipairs { "message", "body-file", "exit", "signal", "timed-out", "json" } do
    if arguments[name] then
      return nil, ("test: --spec cannot be combined with --%s"):format(name), "Usage"
    end
  end
  local paths = #arguments.words > 0 and arguments.words or { "spec" }
  local failures, err = require "watchbot.specs".run(paths, arguments.output or "plain",
    function(words) io.stdout:write(words) end)
  if not failures then return nil, "test: --spec: " .. err, "Usage" end
  local ok
  ok, err = output.flush()
  if not ok then return nil, err end
  return failures == 0 and 0 or 1
end

function test.run(arguments)
  if arguments.spec then return run_specs(arguments) end
  if arguments.output then return nil, "test: --output is for --spec", "Usage" end
  local problem = misuse(arguments)
  if problem then return nil, "test: " .. problem, "Usage" end
  local message, why, code = message_of(arguments)
  if not message then return nil, why, code end
  local ok, result
  ok, result, why, code = pcall(judge, arguments.words[1], message, arguments)
  if not ok then return nil, tostring(result), "Usage" end
  if not result then return nil, why, code end
  if arguments.json then print_json(result) else print_text(result) end
  local expected = arguments.expect or result.outcome
  if result.outcome == expected then return 0 end
  return nil, ("test: expected %s, got %s"):format(expected, result.outcome), "Failed"
end

return test
