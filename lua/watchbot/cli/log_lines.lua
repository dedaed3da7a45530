--- cli.log_lines: lines of a log for whoever reads them: on a terminal each message in a colour of its own.

local text = require "watchbot.lib.text"
local terminal = require "watchbot.cli.terminal"

local COLOURS = { "cyan", "green", "yellow", "magenta", "blue", "red" }

local log_lines = {}

--- A line as CloudWatch has it, without the newline at its end, as text.
---@param line string
---@return string
function log_lines.text(line)
  return (text.clean(line):gsub("\n$", ""))
end

--- The id of the message that a line is about, in either form of the log.
---@param line string
---@return string?
function log_lines.id(line)
  return line:match "^%[[^%]]*%] %[%a+%] %[([^%]]+)%]" or line:match '"watchbot_sqs_message_id":"([^"]+)"'
end

-- The same for each line of a message; another for most others.
local function colour_of(name)
  local sum = 0
  for index = 1, #name do sum = (sum * 31 + name:byte(index)) % 65521 end
  return COLOURS[sum % #COLOURS + 1]
end

local function show_coloured(event)
  local line = text.plain(event.message):gsub("\n$", "")
  io.write(terminal.paint(colour_of(log_lines.id(event.message) or event.logStreamName or ""), line), "\n")
end

local function show_as_it_is(event)
  io.write((event.message:gsub("\n$", "")), "\n")
end

--- What prints an event to stdout.
---@return fun(event: watchbot.LogEvent)
function log_lines.printer()
  return terminal.is_terminal "stdout" and show_coloured or show_as_it_is
end

return log_lines
