--- cli.simulate: `watchbot simulate`: what a policy would do under a load.

local compare = require "watchbot.simulate.compare"
local described = require("watchbot.simulate.load").described
local json = require "watchbot.lib.json"
local options = require "watchbot.cli.options"
local output = require "watchbot.cli.output"
local recorded = require "watchbot.simulate.recorded"
local result = require "watchbot.simulate.result"
local simulate = require "watchbot.simulate"
local simulated = require "watchbot.cli.simulated"
local text = require "watchbot.lib.text"

local command = {
  summary = "Shows what a policy would do under a load, by simulating hours in seconds.",
  usage = "POLICY.lua [OPTIONS]",
  options = {
    { name = "from", value = "FILE", help = "the load of a watcher's log; -: standard input" },
    { name = "messages", value = "N", number = true, help = "how many messages; default: 1000" },
    {
      name = "arrive", value = "RATE", help = "50/s at random, regular:50/s, burst:1000, "
        .. "burst:1000/60s, burst (all at once), or a file of lines SECONDS MESSAGE; "
        .. "default: burst",
    },
    {
      name = "run", value = "TIME", help = "how long a task runs: 2s, uniform:1s:3s, "
        .. "exponential:2s, normal:2s:0.5s or lognormal:2s:1.5; default: 1s",
    },
    {
      name = "exit", value = "SHARES",
      help = "how tasks end: 0=97%,1=2%,75=1%, or KILL=1%; default: 0",
    },
    { name = "message", value = "TEXT", help = "the messages; {n} is the number" },
    { name = "groups", value = "N", number = true, help = "message groups of a FIFO queue" },
    { name = "watchers", value = "N", number = true, help = "how many watchers; default: 1" },
    {
      name = "capacity", value = "N", number = true,
      help = "at most N tasks run at once in total; others are not placed",
    },
    { name = "seed", value = "N", number = true, help = "of the random numbers; default: 1" },
    {
      name = "price", value = "MONEY",
      help = "task=0.00001,call=0.0000004: for a second of a task, for a call of SQS",
    },
    {
      name = "against", value = "OLD.lua",
      help = "simulate this policy, too, and list the messages that end in another way",
    },
    {
      name = "fail-if", value = "CONDITION", many = true,
      help = "status 1 if it holds: 'dead > 0 or p95 > 60'; may be repeated",
    },
    { name = "json", help = "print one JSON object, with a series over time" },
  },
  details = ([[
The watchers, the policy's fields and its hooks are real. The queue, the tasks and the clock are
simulated: a handler does not run, and the load says how long tasks run and how they end. The same
seed gives the same result, and with --against both policies meet the same tasks.

Calls of hooks to AWS, the web, programs and queues end the simulation, unless the policy's file
returns a double behind the policy:
  return policy, { ["dynamodb:GetItem"] = function(parameters) return {} end }
Notifications are counted. Calls of Lua's `io` and `os` are real, and so is os.time.

--from reads lines of text or JSON of any watcher, also as `aws logs filter-log-events` and
`aws logs tail` print them: when messages were sent, how long each attempt took, and how it ended.
Attempts beyond the recorded ones repeat the last of the message.

Names for --fail-if, in seconds where they are times; p50 to p99 are from a message's arrival until
it is gone, wait_p50 to wait_p99 until its first task starts:
  %s

examples:
  watchbot simulate policy.lua --messages 100000 --arrive 50/s --run 2s --exit 0=97%%,1=3%%
  watchbot simulate policy.lua --from watcher.log --watchers 3
  watchbot simulate new.lua --from watcher.log --against old.lua --fail-if 'dead > 0'
]]):format((result.names:gsub("^(.-) in_flight", "%1\n  in_flight"))):gsub("\n$", ""),
}

local WHOLE = { messages = 1, groups = 1, watchers = 1, capacity = 1, seed = 0 }

-- => an error's text, or nil
local function misuse(arguments)
  local path, err = options.only_word(arguments, "policy", "watchbot simulate POLICY.lua")
  if not path then return err end
  for name, least in pairs(WHOLE) do
    local number = arguments[name]
    if number and not (math.tointeger(number) and number >= least) then
      return ("--%s: expected a whole number of at least %d, got '%s'"):format(name, least, number)
    end
  end
  if not arguments.from then return nil end
  for _, name in ipairs { "messages", "arrive", "run", "exit", "message", "groups" } do
    if arguments[name] then
      return ("--from has the load: --%s cannot be combined with it"):format(name)
    end
  end
end

local function load_of(arguments)
  if arguments.from then return recorded.read(arguments.from) end
  local messages = arguments.messages and math.tointeger(arguments.messages)
  local arrive = arguments.arrive or "burst"
  return described {
    messages = messages,
    arrive = arrive == "burst" and ("burst:%d"):format(messages or 1000) or arrive,
    run = arguments.run or "1s", exit = arguments.exit or "0", message = arguments.message,
    groups = arguments.groups and math.tointeger(arguments.groups),
    seed = arguments.seed and math.tointeger(arguments.seed),
  }
end

local function conditions_of(arguments)
  local conditions = {}
  for index, words in ipairs(arguments["fail-if"] or {}) do
    local holds, err = result.condition(words)
    if not holds then return nil, ("--fail-if '%s': %s"):format(text.word(words), err) end
    conditions[index] = { words = words, holds = holds }
  end
  return conditions
end

-- One simulation => its numbers | nil err code
local function run(path, load, arguments, ended)
  local tally, err, code = simulate.run(path, load, {
    watchers = math.tointeger(arguments.watchers or 1),
    capacity = arguments.capacity and math.tointeger(arguments.capacity),
    seed = math.tointeger(arguments.seed or 1), ended = ended,
  })
  if not tally then return nil, ("simulate: %s"):format(err), code end
  return result.of(tally, arguments.price)
end

-- The numbers of the policy, those of the older one, and the differences.
local function run_both(arguments, load)
  local differences = arguments.against and compare.new()
  local before, found, err, code
  if differences then
    before, err, code = run(arguments.against, load, arguments, differences:first())
    if not before then return nil, err, code end
  end
  found, err, code = run(arguments.words[1], load, arguments,
    differences and differences:second())
  if not found then return nil, err, code end
  if differences then differences:finish() end
  found.against, found.differences = before, differences and differences.differences
  found.different = differences and differences.count
  return found
end

-- => status | nil err code
local function judge(found, conditions)
  for _, one in ipairs(conditions) do
    local holds, err = one.holds(found)
    if holds == nil then
      return nil, ("simulate: --fail-if '%s': %s; the names are %s"):format(one.words,
        err, result.names), "Usage"
    elseif holds then
      return nil, ("simulate: --fail-if '%s' holds"):format(one.words), "Failed"
    end
  end
  return 0
end

local function print_json(found)
  for _, one in ipairs { found, found.against } do
    json.list(one.errors)
    json.list(one.series.intervals)
  end
  if found.differences then json.list(found.differences) end
  output.json(found)
end

-- Parses the arguments that have a syntax.
local function read(arguments)
  local problem = misuse(arguments)
  if problem then return nil, problem end
  local conditions, err = conditions_of(arguments)
  if not conditions then return nil, err end
  if arguments.price then
    arguments.price, err = result.price(arguments.price)
    if err then return nil, "--price: " .. err end
  end
  local load
  load, err = load_of(arguments)
  if not load then return nil, text.line(err) end
  return load, conditions
end

function command.run(arguments)
  local load, conditions = read(arguments)
  if not load then return nil, "simulate: " .. conditions, "Usage" end
  local found, err, code = run_both(arguments, load)
  if not found then return nil, err, code end
  if arguments.json then print_json(found) else simulated(found, load) end
  return judge(found, conditions)
end

return command
