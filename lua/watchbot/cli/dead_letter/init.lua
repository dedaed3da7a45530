--- cli.dead_letter: `watchbot dead-letter`. Chooses the action and the queue; the actions are in
-- this folder.

local actions = require "watchbot.cli.dead_letter.actions"
local dead_letters = require "watchbot.dead_letters"
local interruptible = require "watchbot.cli.interruptible"
local output = require "watchbot.cli.output"
local selection = require "watchbot.cli.dead_letter.selection"
local suggest = require "watchbot.lib.suggest"
local target = require "watchbot.cli.target"
local terminal = require "watchbot.cli.terminal"
local text = require "watchbot.lib.text"
local triage = require "watchbot.cli.dead_letter.triage"

local NAMES = { "list", "show", "print", "replay", "delete", "purge", "triage" }

local function with(...)
  local all = {}
  for _, list in ipairs { ... } do table.move(list, 1, #list, #all + 1, all) end
  return all
end

local dead_letter = {
  summary = "Lists, replays or deletes the messages that failed too often.",
  usage = ("[%s] [OPTIONS] [ID...]"):format(table.concat(NAMES, "|")),
  actions = NAMES,
  options = with(target.options, {
    {
      name = "dead-letter-queue", value = "URL",
      help = "the dead-letter queue's URL; default: from the queue's RedrivePolicy",
    },
    {
      name = "log-group", value = "NAME",
      help = "log group for triage; default: the stack's, else $LogGroup",
    },
  }, selection.options, {
    { name = "rate", value = "N", number = true, help = "replay: at most N messages a second" },
    { name = "visibility", value = "SECONDS", number = true,
      help = "SQS: visibility timeout of messages that are read; default: 60 "
        .. "and more" },
    { name = "dry-run", help = "print what would be replayed or deleted, and change nothing" },
    { name = "json", help = "for scripts: one line of JSON for each message" },
    { name = "yes", help = "delete without asking" },
  }),
  details = [[
list  one line for each; the default without a terminal
show  whole messages, readable; one unless more are selected; unwraps the SNS envelope
print  whole messages as lines of JSON, lossless; watchbot send --from reads them
replay  moves them to the queue they came from, each with a new deduplication ID
delete  deletes the selected messages (--id, --from, --match, --limit)
purge   deletes all
triage  shows them one by one and asks for a key; the default on a terminal

On SQS, reading messages receives them: other consumers do not see them until the command ends.
--queue takes the URL of the queue or of its dead-letter queue. Replaying everything uses
StartMessageMoveTask where the credentials allow it.

examples:
  watchbot dead-letter --stack tiles                              one by one
  watchbot dead-letter list --stack tiles --match timeout
  watchbot dead-letter replay --stack tiles --match timeout --dry-run
  watchbot dead-letter replay --queue sqlite:jobs.db 6f1c2d5e-0c0e-4f7e-9a43-5a7f1f0b1f6e
  watchbot dead-letter print --stack tiles > letters              save them
  watchbot dead-letter delete --stack tiles --from letters        those only, not newer ones
  watchbot send --stack tiles --from letters                      back into the queue]],
}

-- Actions that change nothing; others with --dry-run.
local READING = { list = true, show = true, print = true }

-- => the options of dead_letters.open | nil err code
local function places_of(found, name)
  local dead, err, code = found:find "DeadLetterQueueUrl"
  if err then return nil, err, code end
  local queue
  if dead then
    queue, err, code = found:find "QueueUrl"
  else
    queue, err, code = found:queue_url()
  end
  if err then return nil, err, code end
  return {
    queue = queue, dead_letter_queue = dead, visibility = found.arguments.visibility,
    reading = READING[name] or found.arguments["dry-run"], warn = output.complain,
  }
end

local function act(name, letters, arguments, chosen, found)
  if name ~= "triage" then return actions[name](letters, arguments, chosen) end
  return triage.run(letters, arguments, chosen, function() return found:find "LogGroup" end)
end

local function start(name, arguments)
  local chosen, err, code = selection.new(arguments, name == "show" and 1 or nil)
  if not chosen then return nil, err, code end
  local found
  found, err, code = target.find("dead-letter", arguments)
  if not found then return nil, err, code end
  local places
  places, err, code = places_of(found, name)
  if not places then return nil, err, code end
  local letters <close>, problem, problem_code = dead_letters.open(places)
  if not letters then return nil, problem, problem_code end
  for _, warning in ipairs(letters.warnings) do output.complain(warning) end
  return act(name, letters, arguments, chosen, found)
end

-- => name | nil err code
local function action_of(arguments)
  local word = arguments.words[1]
  if not word then
    return terminal.is_interactive() and terminal.is_terminal "stdout" and "triage" or "list"
  end
  for _, name in ipairs(NAMES) do
    if name == word then return name end
  end
  return nil, ("dead-letter: unknown action '%s'%s"):format(text.word(word),
    suggest.hint(word, NAMES, "expected " .. table.concat(NAMES, ", "))), "Usage"
end

function dead_letter.run(arguments)
  local name, err, code = action_of(arguments)
  if not name then return nil, err, code end
  return interruptible(start, name, arguments)
end

return dead_letter
