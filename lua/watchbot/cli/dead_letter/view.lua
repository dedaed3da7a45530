--- cli.dead_letter.view: formats a dead letter for people, and as one line of JSON for scripts.
-- An SNS envelope, recognized by its shape, is left out; any other body is shown unchanged.
-- Invalid UTF-8 is shown as U+FFFD; `print` writes the exact message.

local job = require "watchbot.message.job"
local json = require "watchbot.lib.json"
local scheduler = require "watchbot.scheduler"
local sorted = require "watchbot.lib.sorted"
local terminal = require "watchbot.cli.terminal"
local text = require "watchbot.lib.text"

local view = {}

-- Columns of a line without a terminal.
local COLUMNS = 160

local function date(milliseconds)
  return milliseconds and scheduler.iso_date(milliseconds)
end

--- One line: id, time, receives, group, subject and as much of the message as fits.
---@param letter watchbot.DeadLetter
---@return string
function view.line(letter)
  local opened = job.new(letter)
  local columns = terminal.is_terminal "stdout" and terminal.columns "stdout" or COLUMNS
  local start = ("%s  %s  %3d  "):format(letter.id, date(letter.died or letter.sent) or "-",
    letter.receives)
  local words = {}
  if letter.group then words[#words + 1] = ("[%s]"):format(letter.group) end
  if letter.reason then words[#words + 1] = ("(%s)"):format(letter.reason) end
  if opened.subject then words[#words + 1] = opened.subject .. ":" end
  -- A message may have a megabyte; a line is short.
  words[#words + 1] = text.cut(opened.message, 4 * columns)
  return start .. text.cut(text.line(table.concat(words, " ")), math.max(20, columns - #start))
end

local function cleaned(attributes)
  local all = {}
  for name, attribute in pairs(attributes) do
    all[text.clean(name)] = {
      type = text.clean(attribute.type), value = text.clean(attribute.value),
    }
  end
  return next(all) and all or nil
end

--- One line of JSON.
---@param letter watchbot.DeadLetter
---@return string
function view.json(letter)
  local opened = job.new(letter)
  return json.encode {
    id = letter.id, reason = letter.reason and text.clean(letter.reason),
    subject = opened.subject and text.clean(opened.subject), message = text.clean(opened.message),
    receives = letter.receives, sent = date(letter.sent),
    first_received = date(letter.first_received),
    died = date(letter.died), group = letter.group and text.clean(letter.group),
    priority = letter.priority,
    deduplication = letter.deduplication and text.clean(letter.deduplication),
    attributes = cleaned(opened.attributes),
  }
end

local function add(lines, label, value)
  if value then
    lines[#lines + 1] =
      ("%s %s"):format(terminal.paint("bold", ("%-14s"):format(label)), text.line(value))
  end
end

local function add_attributes(lines, attributes)
  for _, name in ipairs(sorted.keys(attributes)) do
    add(lines, "attribute",
      ("%s (%s): %s"):format(name, attributes[name].type, attributes[name].value))
  end
end

local function shortened(message, longest)
  if not longest or #message <= longest then return message end
  local cut = text.cut(message, longest)
  return ("%s\n[%d bytes more]"):format(cut, #message - #cut)
end

--- The whole letter, in lines.
---@param letter watchbot.DeadLetter
---@param longest integer? most bytes of the message to show
---@return string
function view.whole(letter, longest)
  local opened, lines = job.new(letter), {}
  add(lines, "id", letter.id)
  add(lines, "sent", date(letter.sent))
  add(lines, "first received", date(letter.first_received))
  add(lines, "died", date(letter.died))
  add(lines, "reason", letter.reason)
  add(lines, "receives", tostring(letter.receives))
  add(lines, "group", letter.group)
  add(lines, "priority", letter.priority and tostring(letter.priority))
  add(lines, "deduplication", letter.deduplication)
  add(lines, "subject", opened.subject)
  add_attributes(lines, opened.attributes)
  lines[#lines + 1] = ""
  lines[#lines + 1] = text.plain(shortened(opened.message, longest))
  return table.concat(lines, "\n")
end

return view
