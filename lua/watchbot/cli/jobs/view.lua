--- cli.jobs.view: formats a job for people, and as one line of JSON for scripts. What comes from
-- messages and tasks is made safe by lib.text; in JSON, invalid UTF-8 becomes U+FFFD.

local attempts = require "watchbot.cli.jobs.attempts"
local durations = require "watchbot.cli.durations"
local envelope = require "watchbot.message.envelope"
local json = require "watchbot.lib.json"
local scheduler = require "watchbot.scheduler"
local sorted = require "watchbot.lib.sorted"
local terminal = require "watchbot.cli.terminal"
local text = require "watchbot.lib.text"

local view = {}

-- Columns of a line without a terminal.
local COLUMNS = 160

local COLOURS = {
  running = "cyan", waiting = "blue", delayed = "yellow", dead = "red", failed = "red",
  done = "green",
}

-- The time that matters in each state.
local WHEN = {
  running = "taken", waiting = "sent", dead = "died", done = "ended", failed = "ended",
}

-- "4 m 12 s", or for what is yet to come "in 4 s"
local function age(row, now)
  if row.state == "delayed" then
    return "in " .. durations.words(math.max(0, ((row.due or now) - now) / 1000))
  end
  local at = row[WHEN[row.state]] or row.sent
  return at and durations.words(math.max(0, (now - at) / 1000)) or "-"
end

-- An SNS envelope is left out; the beginning of one is not recognized, and stays.
local function opened(row)
  local inner = row.message and row.message:find("^%s*{") and envelope.open(row.message)
  if inner then return inner.subject or row.subject, inner.message end
  return row.subject, row.message
end

local function words_of(row, columns)
  local words = {}
  local function add(form, value) if value then words[#words + 1] = form:format(value) end end
  if row.outcome then add("%s", attempts.summary(row)) end
  add("[%s]", row.group)
  add("(%s)", not row.outcome and row.reason)
  if row.behind then words[#words + 1] = "(behind others of its group)" end
  if row.held then
    words[#words + 1] = row.held == "pause" and "(its group is paused)" or "(over a limit)"
  end
  if row.cancelling then words[#words + 1] = "(is being cancelled)" end
  local subject, message = opened(row)
  add(message and "%s:" or "%s", subject)
  -- A message may have a megabyte; a line is short.
  add("%s", message and text.cut(message, 4 * columns))
  return table.concat(words, " ")
end

--- One line: state, id, age, receives, and as much of the rest as fits.
---@param row watchbot.JobRow
---@param now integer
---@return string
function view.line(row, now)
  local columns = terminal.is_terminal "stdout" and terminal.columns "stdout" or COLUMNS
  local start = ("%-7s  %s  %10s  %3d  "):format(row.state, text.line(row.id or "-"),
    age(row, now), row.receives)
  local rest = text.cut(text.line(words_of(row, columns)), math.max(20, columns - #start))
  return (start .. rest):gsub("^%w+", function(state)
    return terminal.paint(COLOURS[row.state], state)
  end)
end

-- Times, and texts that may hold any bytes.
local TIMES = { "sent", "first_received", "taken", "due", "died", "started", "ended" }
local TEXTS = { "id", "subject", "group", "reason", "deduplication", "output", "signal", "trace" }

local function cleaned(values)
  local all = {}
  for name, value in pairs(values) do all[name] = value end
  for _, name in ipairs(TIMES) do all[name] = all[name] and scheduler.iso_date(all[name]) end
  for _, name in ipairs(TEXTS) do all[name] = all[name] and text.clean(all[name]) end
  return all
end

local function clean_attributes(attributes)
  local all = {}
  for name, attribute in pairs(attributes or {}) do
    all[text.clean(name)] = {
      type = text.clean(attribute.type), value = text.clean(attribute.value),
    }
  end
  return next(all) and all or nil
end

--- One line of JSON: of a list, or whole with its attempts.
---@param row watchbot.JobRow|watchbot.JobDetails
---@return string
function view.json(row)
  local all = cleaned(row)
  all.key = nil
  all.subject, all.message = opened(row)
  all.subject, all.message = all.subject and text.clean(all.subject),
    all.message and text.clean(all.message)
  all.attributes = clean_attributes(row.attributes)
  if row.attempts then
    all.attempts = json.list {}
    for index, one in ipairs(row.attempts) do all.attempts[index] = cleaned(one) end
  end
  return assert(json.encode(all, "replace"))
end

local function adder(lines)
  return function(label, value)
    if value then
      lines[#lines + 1] =
        ("%s %s"):format(terminal.paint("bold", ("%-14s"):format(label)), text.line(value))
    end
  end
end

local function date(milliseconds) return milliseconds and scheduler.iso_date(milliseconds) end

local function add_head(add, one)
  add("id", one.id)
  add("state", one.cancelling and one.state .. ", is being cancelled" or one.state)
  add("sent", date(one.sent))
  add("first received", date(one.first_received))
  add("running since", date(one.taken))
  add("next try", date(one.due))
  add("died", date(one.died))
  add("reason", not one.outcome and one.reason or nil)
  add("receives", tostring(one.receives))
  add("priority", one.priority and one.priority ~= 0 and tostring(one.priority) or nil)
  add("group", one.group)
  add("task", one.task)
  add("deduplication", one.deduplication)
end

--- All about a job, in lines.
---@param one watchbot.JobDetails
---@return string
function view.whole(one)
  local lines = {}
  local add = adder(lines)
  add_head(add, one)
  local subject, message = opened(one)
  add("subject", subject)
  for _, name in ipairs(sorted.keys(one.attributes or {})) do
    local attribute = one.attributes[name]
    add("attribute", ("%s (%s): %s"):format(name, attribute.type, attribute.value))
  end
  if message then
    lines[#lines + 1] = ""
    lines[#lines + 1] = text.plain(message)
  end
  attempts.add(lines, one.attempts)
  return table.concat(lines, "\n")
end

return view
