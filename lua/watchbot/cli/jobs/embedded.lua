--- cli.jobs.embedded: the actions of `watchbot jobs` on an embedded queue.

local cancels = require "watchbot.queue.sqlite.cancels"
local jobs = require "watchbot.queue.sqlite.jobs"
local open_queue = require("watchbot.queue").open
local output = require "watchbot.cli.output"
local scheduler = require "watchbot.scheduler"
local terminal = require "watchbot.cli.terminal"
local text = require "watchbot.lib.text"
local view = require "watchbot.cli.jobs.view"

-- Rows that are read at once.
local PAGE = 200

local embedded = {}

local function print_rows(page, as_json)
  local now = scheduler.time()
  for _, row in ipairs(page.rows) do
    output.check((as_json and output.whole_line or output.line)(
      as_json and view.json(row) or view.line(row, now)))
  end
end

-- What follows the rows that were printed.
local function say_more(cursor, count, chosen)
  if cursor then
    output.complain(("jobs: there are more: --limit 0 lists all, --after %s the next"):format(
      cursor))
  elseif count == 0 and not chosen.json then
    output.complain "jobs: none found"
  end
end

--- Lists jobs, page by page.
---@param url string
---@param chosen watchbot.JobChoice
function embedded.list(url, chosen)
  local queue <close>, err, code = open_queue(url, { read_only = true })
  if not queue then return nil, err, code end
  local progress <close> = terminal.progress()
  local count, cursor = 0, chosen.cursor
  repeat
    local page
    page, err, code = jobs.list(queue, {
      states = chosen.states, match = chosen.match, since = chosen.since, cursor = cursor,
      limit = math.tointeger(math.min(PAGE, chosen.limit - count)),
    })
    if not page then return nil, "jobs: " .. err, code end
    progress:clear()
    print_rows(page, chosen.json)
    count, cursor = count + #page.rows, page.next
    progress:tell(("%d jobs"):format(count))
  until not cursor or count >= chosen.limit
  progress:clear()
  say_more(cursor, count, chosen)
  return 0
end

local function not_found(id)
  return ("jobs: no message '%s' is in the queue, in the dead letters or in the history"):format(
    text.word(id))
end

--- Shows all that is known about messages.
---@param url string
---@param chosen watchbot.JobChoice
function embedded.show(url, chosen)
  local queue <close>, err, code = open_queue(url, { read_only = true })
  if not queue then return nil, err, code end
  local status = 0
  for index, id in ipairs(chosen.ids) do
    local one
    one, err, code = jobs.show(queue, id)
    if one == nil then return nil, "jobs: " .. err, code end
    if not one then
      output.complain(not_found(id))
      status = 1
    elseif chosen.json then
      output.check(output.whole_line(view.json(one)))
    else
      output.check(output.line((index > 1 and "\n" or "") .. view.whole(one)))
    end
  end
  return status
end

-- What was done, in words, by what the queue has answered; and whether that is what was asked for.
local SAID = {
  cancel = {
    cancelled = { "%s is cancelled", true },
    asked = { "%s runs: its watcher stops it within seconds; if that watcher is gone, it is "
      .. "removed when its visibility timeout ends", true },
    dead = { "'%s' is a dead letter: see watchbot dead-letter delete" },
    ended = { "'%s' has ended already: see watchbot jobs show" },
    gone = { "'%s' is not in the queue" },
  },
  retry = {
    begun = { "%s is visible now", true }, waiting = { "%s was visible already", true },
    running = { "'%s' is running" }, ended = { "'%s' has ended already: see watchbot jobs show" },
    dead = { "'%s' is a dead letter: see watchbot dead-letter replay" },
    gone = { "'%s' is not in the queue" },
  },
}

-- What became of a message that is not in the queue.
local function fate_of(queue, id)
  local one = jobs.show(queue, id)
  if not one then return "gone" end
  return one.state == "dead" and "dead" or "ended"
end

local function act(name, url, chosen)
  local queue <close>, err, code = open_queue(url, { create = false })
  if not queue then return nil, err, code end
  local status = 0
  for _, id in ipairs(chosen.ids) do
    local done
    done, err, code = cancels[name](queue, id)
    if not done then return nil, "jobs: " .. err, code end
    if done == "gone" then done = fate_of(queue, id) end
    local said = SAID[name][done]
    local words = said[1]:format(text.word(id))
    if said[2] then output.check(output.line(words)) else output.complain("jobs: " .. words) end
    if not said[2] then status = 1 end
  end
  return status
end

--- Cancels messages that wait or run.
function embedded.cancel(url, chosen) return act("cancel", url, chosen) end

--- Makes delayed messages visible.
function embedded.retry(url, chosen) return act("retry", url, chosen) end

return embedded
