--- cli.progress: `watchbot progress`: reduce mode for scripts. Takes the arguments of
-- watchbot-progress, including its one-letter options, and prints the same, so that a script works
-- under the new name.

local json = require "watchbot.lib.json"
local output = require "watchbot.cli.output"
local open_progress = require("watchbot.progress").open
local scheduler = require "watchbot.scheduler"
local sorted = require "watchbot.lib.sorted"
local suggest = require "watchbot.lib.suggest"
local target = require "watchbot.cli.target"
local text = require "watchbot.lib.text"

local NAMES = {
  "status", "set-total", "set-metadata", "complete-part", "fail-job", "reduce-sent",
}

local progress = {
  summary = "Counts the parts of a map-reduce job, and reports which was the last.",
  usage = table.concat(NAMES, "|") .. " JOB [OPTIONS]",
  actions = NAMES,
  options = {
    {
      name = "total", short = "t", value = "N", number = true,
      help = "set-total: number of parts of the job",
    },
    {
      name = "part", short = "p", value = "N", number = true,
      help = "complete-part, status: the part's number, from 1",
    },
    {
      name = "metadata", short = "m", value = "JSON",
      help = "set-metadata: data to store with the job",
    },
    { name = "reason", short = "r", value = "TEXT", help = "fail-job: the reason" },
    {
      name = "brief",
      help = "status: do not count the parts (fewer reads of a table, for large jobs)",
    },
    { name = "table", value = "ARN", help = "of the DynamoDB table; default: $ProgressTable" },
    { name = "stack", value = "NAME", help = "the table of this CloudFormation stack" },
    { name = "prefix", value = "NAME", help = "which watcher, where the stack has several" },
    {
      name = "queue", value = "URL",
      help = "sqlite:FILE, an embedded queue; default: $ProgressTable, $QueueUrl",
    },
  },
  details = [[
set-total      starts a job with this many parts; repeating it with the same total changes nothing
complete-part  prints true if this part was the last one, on every repeat too; otherwise false
status         prints JSON: {"progress":0.25,"total":4,"remaining":3}, and where set: failed (the
               reason), metadata, partComplete (with --part), reduceSent
set-metadata   stores JSON with the job
fail-job       marks the job as failed
reduce-sent    marks the job's reduce step as taken

examples:
  watchbot progress set-total job-1 --total 3
  watchbot progress status job-1 --stack tiles
  if [ "$(watchbot progress complete-part job-1 --part 2)" = true ]; then ...]],
}

local function usage(err)
  return nil, "progress: " .. err, "Usage"
end

-- Readers of option values: => the value | nil, err, code.
local readers = {}

function readers.part(value)
  local number = math.tointeger(value)
  if number then return number end
  return usage(("option '--part': expected a whole number, got '%s'"):format(value))
end

function readers.total(value)
  local number = math.tointeger(value)
  if number and number >= 1 then return number end
  return usage(("option '--total': expected a whole number of at least 1, got '%s'"):format(number
    or value))
end

function readers.metadata(given)
  local value, problem = json.decode(given)
  if value ~= nil then return value end
  return usage(("option '--metadata': %s: '%s'"):format(problem, text.word(given)))
end

function readers.reason(given)
  if given ~= "" then return given end
  return usage "option '--reason': expected text, got ''"
end

-- The members of a status in the order of watchbot-progress, then those that watchbot adds.
local MEMBERS = {
  { "progress", "progress" }, { "failed", "failed" }, { "metadata", "metadata" },
  { "part_complete", "partComplete" },
  { "reduce_sent", "reduceSent" }, { "total", "total" }, { "remaining", "remaining" },
}

local function status_line(status)
  local members = {}
  for _, member in ipairs(MEMBERS) do
    local value = status[member[1]]
    if value ~= nil then
      members[#members + 1] = ('"%s":%s'):format(member[2], json.encode(value, "replace"))
    end
  end
  return ("{%s}"):format(table.concat(members, ","))
end

-- What a command needs and does; a result other than true is printed.
local commands = {
  ["set-total"] = { needs = "total", creates = true,
    act = function(store, job, given) return store:set_total(job, given.total) end },
  ["complete-part"] =
    { needs = "part", act = function(store, job, given) return store:complete(job, given.part) end,
    print = tostring },
  ["status"] = {
    act = function(store, job, given) return store:status(job, given) end, print = status_line,
  },
  ["set-metadata"] = { needs = "metadata", creates = true,
    act = function(store, job, given) return store:set_metadata(job, given.metadata) end },
  ["fail-job"] = { needs = "reason", creates = true,
    act = function(store, job, given) return store:fail(job, given.reason) end },
  ["reduce-sent"] = { act = function(store, job) return store:reduce_sent(job) end },
}

local function read_options(command, arguments)
  local given = { brief = arguments.brief }
  for _, name in ipairs { "total", "part", "metadata", "reason" } do
    local value = arguments[name]
    if value == nil and command.needs == name then
      return usage(("%s needs --%s"):format(arguments.words[1], name))
    end
    if value ~= nil then
      local err, code
      given[name], err, code = readers[name](value)
      if given[name] == nil then return nil, err, code end
    end
  end
  return given
end

local function of_stack(arguments)
  local found, err, code = target.find("progress", arguments)
  if not found then return nil, err, code end
  return found:need("ProgressTable", "table")
end

local function open(command, arguments)
  local place, err, code = arguments.table or arguments.queue, nil, nil
  if arguments.stack then place, err, code = of_stack(arguments) end
  if err then return nil, err, code end
  if arguments.queue and not place:match "^sqlite:" then
    return usage(("'%s' is not an embedded queue; on SQS, progress is kept in a DynamoDB table: "
      .. "set "
      .. "$ProgressTable to its "
      .. "ARN"):format(place))
  end
  return open_progress(place, { create = command.creates == true })
end

local function start(command, arguments)
  local given, err, code = read_options(command, arguments)
  if not given then return nil, err, code end
  local store
  store, err, code = open(command, arguments)
  if not store then return nil, err, code end
  local result
  result, err, code = command.act(store, arguments.words[2], given)
  store:close()
  if result == nil then return nil, err, code end
  if command.print then output.line(command.print(result)) end
  return 0
end

local function unknown(word)
  local names = sorted.keys(commands)
  local all = table.concat(names, ", "):gsub(", ([^,]*)$", " or %1")
  if not word then return usage("no action: " .. all) end
  return usage(("unknown action '%s'%s"):format(text.word(word),
    suggest.hint(word, names, "expected " .. all)))
end

function progress.run(arguments)
  local word, job = arguments.words[1], arguments.words[2]
  local command = commands[word]
  if not command then return unknown(word) end
  if not job or job == "" then
    return usage(("%s: no job: watchbot progress %s JOB"):format(word, word))
  end
  if #arguments.words > 2 then
    return usage(("expected one job, got '%s' too"):format(text.word(arguments.words[3])))
  end
  if (arguments.table and 1 or 0) + (arguments.queue and 1 or 0) + (arguments.stack and 1 or 0)
    > 1 then
    return usage "--table, --queue and --stack cannot be combined"
  end
  return scheduler.run(start, command, arguments)
end

return progress
