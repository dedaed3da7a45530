--- cli.jobs: `watchbot jobs`. Checks what is asked for, and chooses where to look; the actions are
-- in this folder.

local check = require("watchbot.queue").check
local interruptible = require "watchbot.cli.interruptible"
local moment = require "watchbot.cli.moment"
local scheduler = require "watchbot.scheduler"
local sections = require "watchbot.queue.sqlite.sections"
local suggest = require "watchbot.lib.suggest"
local target = require "watchbot.cli.target"
local text = require "watchbot.lib.text"

local NAMES = { "list", "show", "cancel", "retry" }

-- Rows of a list unless the user says.
local ROWS = 50

local options = table.move(target.options, 1, #target.options, 1, {})
table.move({
  {
    name = "state", value = "STATE", many = true, choices = sections.STATES,
    help = "list: may be repeated; default: all",
  },
  {
    name = "match", value = "TEXT",
    help = "list: only with TEXT in the ID, subject, message, group, reason or output",
  },
  {
    name = "since", value = "WHEN",
    help = "list: sent, died or ended since then; 90s, 15m, 6h, 2d ago, or a date; show on SQS: "
      .. "from when on to read the log; default: 6h",
  },
  {
    name = "limit", value = "N", number = true,
    help = ("list: at most N rows; 0: all; default: %d"):format(ROWS),
  },
  { name = "after", value = "CURSOR", help = "list: the rows after those of another list" },
  {
    name = "log-group", value = "NAME",
    help = "SQS: the log to read; default: the stack's, else $LogGroup",
  },
  { name = "json", help = "for scripts: one line of JSON for each job" },
}, 1, 7, #options + 1, options)

local command = {
  summary = "Lists, shows, cancels or retries the jobs of a queue.",
  usage = ("[%s] --queue URL [OPTIONS] [ID...]"):format(table.concat(NAMES, "|")),
  actions = NAMES,
  options = options,
  details = [[
list    one line for each: state, ID, age, receives, and what is known of it; the default.
        Running jobs come first, then waiting, delayed and dead ones, then what has ended, the
        newest first. done and failed are attempts, which the policy's history keeps
show    everything about messages, with their attempts and the output of these
cancel  removes messages that wait; one that runs is stopped by its watcher (TERM, then KILL), and
        removed. Cancelled messages are in the history
retry   makes messages visible that are delayed, or back off after a failure

On SQS, messages cannot be listed or found by ID. There, show reads the log of the stack and looks
for an ECS task of the message; cancel stops that task, and its watcher then removes the message.

examples:
  watchbot jobs --queue sqlite:jobs.db
  watchbot jobs --queue sqlite:jobs.db --state failed --since 1h --match timeout
  watchbot jobs show --queue sqlite:jobs.db 6f1c2d5e-0c0e-4f7e-9a43-5a7f1f0b1f6e
  watchbot jobs cancel --queue sqlite:jobs.db 6f1c2d5e-0c0e-4f7e-9a43-5a7f1f0b1f6e
  watchbot jobs --queue sqlite:jobs.db --json --limit 0 | jq -r .state | sort | uniq -c
  watchbot jobs show --stack tiles 6f1c2d5e-0c0e-4f7e-9a43-5a7f1f0b1f6e]],
}

---@class watchbot.JobChoice
---@field ids string[]
---@field states string[]?
---@field match string?
---@field since integer? milliseconds since the epoch
---@field limit number
---@field cursor string?
---@field json boolean?

-- => name | nil err code
local function action_of(arguments)
  local word = arguments.words[1] or "list"
  for _, name in ipairs(NAMES) do
    if name == word then return name end
  end
  return nil, ("jobs: unknown action '%s'%s"):format(text.word(word),
    suggest.hint(word, NAMES, "expected " .. table.concat(NAMES, ", "))), "Usage"
end

-- Options that only a list has.
local OF_A_LIST = { "state", "match", "limit", "after" }

local function misfit(name, arguments, ids)
  if name == "list" and ids[1] then
    return ("jobs: list takes no ID, got '%s'; see watchbot jobs show"):format(text.word(ids[1]))
  elseif name ~= "list" and not ids[1] then
    return ("jobs: %s: name the messages by their IDs"):format(name)
  end
  for _, option in ipairs(name == "list" and {} or OF_A_LIST) do
    if arguments[option] then
      return ("jobs: --%s is for list only; %s takes IDs"):format(option, name)
    end
  end
  local limit = arguments.limit
  if limit and limit % 1 ~= 0 then
    return ("jobs: --limit: expected a whole number, got '%g'"):format(limit)
  end
end

-- => what was chosen | nil err code
local function choice_of(name, arguments)
  local ids = table.move(arguments.words, 2, #arguments.words, 1, {})
  local problem, since = misfit(name, arguments, ids), nil
  if not problem and arguments.since then
    since, problem = moment.parse(arguments.since, scheduler.time())
    problem = problem and "jobs: --since: " .. problem
  end
  if problem then return nil, problem, "Usage" end
  local limit = arguments.limit or ROWS
  return {
    ids = ids, states = arguments.state, match = arguments.match, since = since,
    limit = limit == 0 and math.huge or limit, cursor = arguments.after, json = arguments.json,
  }
end

local function start(name, chosen, arguments)
  local found, err, code = target.find("jobs", arguments)
  if not found then return nil, err, code end
  local url
  url, err, code = found:queue_url()
  if not url then return nil, err, code end
  local ok
  ok, err, code = check(url)
  if not ok then return nil, err, code end
  local kind = url:match "^sqlite:" and "embedded" or "sqs"
  return require("watchbot.cli.jobs." .. kind)[name](url, chosen, found)
end

function command.run(arguments)
  local name, err, code = action_of(arguments)
  if not name then return nil, err, code end
  local chosen
  chosen, err, code = choice_of(name, arguments)
  if not chosen then return nil, err, code end
  return interruptible(start, name, chosen, arguments)
end

return command
