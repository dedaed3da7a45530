--- cli.move: `watchbot move`: moves the messages of a queue to another one.

local interruptible = require "watchbot.cli.interruptible"
local moving = require "watchbot.queue.moving"
local open_queue = require("watchbot.queue").open
local output = require "watchbot.cli.output"
local scheduler = require "watchbot.scheduler"

-- Seconds between two lines about the progress.
local PACE = 5

local command = {
  summary = "Moves the messages of a queue to another one.",
  usage = "--from URL --to URL [--rate N]",
  options = {
    { name = "from", value = "URL", help = "sqlite:FILE, or the URL of an SQS queue" },
    { name = "to", value = "URL", help = "another queue, of either kind" },
    { name = "rate", value = "N", number = true, help = "at most N messages a second" },
  },
  details = [[
Each message is sent to the other queue, and deleted from the first one when that is confirmed:
killed at any moment, it may leave a message in both, and never loses one. Body, subject,
attributes, group and trace are kept; an embedded queue's delays and priorities, too, as far as the
other queue has them. The receive count starts again. What watchers have in flight stays, and so
does what SQS still delays: run the command again for that. Dead letters stay as well: see
watchbot dead-letter print and watchbot send --from.

Exit status: 0, or 1 when messages could not be moved; each is named.

example, when one machine is no longer enough:
  watchbot move --from sqlite:jobs.db --to "$QueueUrl" --rate 200]],
}

local function progress()
  local said = scheduler.now()
  return function(moved)
    if scheduler.now() - said < PACE then return end
    said = scheduler.now()
    output.complain(("move: %d moved"):format(moved))
  end
end

local function report(move)
  for _, failure in ipairs(move.failures) do
    output.complain(("move: %s: %s"):format(failure.id, failure.message))
  end
  if move.later > 0 then
    output.complain(("move: %d delayed messages stay: the other queue cannot delay them for as "
      .. "long; run this again when they are due"):format(move.later))
  end
  output.line(("%d moved, %d failed"):format(move.moved, #move.failures))
end

-- => from, to; nil, err, code
local function open_both(arguments)
  -- Moving must not turn what was received too often into dead letters.
  local from, err, code = open_queue(arguments.from, {
    create = false, max_receives = math.maxinteger,
  })
  if not from then return nil, err, code end
  local to
  to, err, code = open_queue(arguments.to)
  if to and to.name == from.name then err, code = "both queues are the same one", "Usage" end
  if to and not err then return from, to end
  from:close()
  if to then to:close() end
  return nil, err, code
end

-- Closes both when the command ends, also by a signal.
local function move_all(first, second, arguments)
  local from <close> = first
  local to <close> = second
  local move = moving.new(from, to, { rate = arguments.rate, tell = progress() })
  local ok, err, code = move:run()
  report(move)
  if not ok then return nil, "move: " .. err, code end
  if from.has_pauses then output.complain "move: the first queue is paused: what it holds stays" end
  return #move.failures > 0 and 1 or 0
end

local function run(arguments)
  local from, to, code = open_both(arguments)
  if not from then return nil, "move: " .. to, code end
  return move_all(from, to, arguments)
end

function command.run(arguments)
  for _, name in ipairs { "from", "to" } do
    if not arguments[name] then
      return nil, ("move: no queue: give --%s URL"):format(name), "Usage"
    end
  end
  if arguments.words[1] then
    return nil, "move: expected " .. command.usage, "Usage"
  end
  if arguments.rate and arguments.rate <= 0 then
    return nil, ("move: --rate: expected a number above 0, got %g"):format(arguments.rate), "Usage"
  end
  return interruptible(run, arguments)
end

return command
