--- cli.queue: `watchbot queue`: works on the file of an embedded queue.

local output = require "watchbot.cli.output"
local scheduler = require "watchbot.scheduler"
local suggest = require "watchbot.lib.suggest"

local command = {
  summary = "Recovers a damaged queue file into a new one.",
  usage = "salvage FILE NEW",
  actions = { "salvage" },
  options = {},
  details = [[
For a file that SQLite reports as malformed, or that was truncated or overwritten. Stop all programs
that use FILE first, and keep FILE-wal next to it: it has the newest messages. FILE is only read;
NEW must not exist. Messages and dead letters keep their IDs; messages in flight are received again.
Not copied are deduplication IDs, keys of `once`, pauses, when schedules were sent last, and the
progress of reduce jobs: a job whose key was done may run again.

example:
  watchbot queue salvage jobs.db saved.db]],
}

local function start(path, new)
  local found, err, code = require "watchbot.queue.sqlite.salvage".run(path, "sqlite:" .. new)
  if not found then return nil, "queue: " .. err, code end
  output.line(("%d messages and %d dead letters are in %s"):format(found.messages, found.dead, new))
  if found.lost > 0 then
    output.complain(("queue: the content of %d messages could not be read"):format(found.lost))
  end
  return 0
end

function command.run(arguments)
  local words = arguments.words
  if words[1] ~= "salvage" or #words ~= 3 then
    local hint = words[1] ~= "salvage" and suggest.hint(words[1], command.actions) or ""
    return nil, "queue: expected salvage FILE NEW" .. hint, "Usage"
  end
  local path, new = words[2]:gsub("^sqlite:", ""), words[3]:gsub("^sqlite:", "")
  return scheduler.run(start, path, new)
end

return command
