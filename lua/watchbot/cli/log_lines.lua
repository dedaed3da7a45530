--- cli.log_lines: formats log lines; on a terminal, each message has its own color.

local output = require "watchbot.cli.output"
local text = require "watchbot.lib.text"
local terminal = require "watchbot.cli.terminal"

local COLOURS = { "cyan", "green", "yellow", "magenta", "blue", "red" }

local log_lines = {}

--- A line from CloudWatch as text, without the final newline.
---@param line string
---@return string
function log_lines.text(line)
  return (text.clean(line):gsub("\n$", ""))
end

--- The message ID of a line, in either format of the log.
---@param line string
---@return string?
function log_lines.id(line)
  return line:match "^%[[^%]]*%] %[%a+%] %[([^%]]+)%]"
    or line:match '"watchbot_sqs_message_id":"([^"]+)"'
end

-- The same color for each line of a message; a different one for most others.
local function colour_of(name)
  local sum = 0
  for index = 1, #name do sum = (sum * 31 + name:byte(index)) % 65521 end
  return COLOURS[sum % #COLOURS + 1]
end

local function show(event)
  local line = text.plain(event.message):gsub("\n$", "")
  local id = log_lines.id(event.message) or event.logStreamName or ""
  return output.line(terminal.paint(colour_of(id), line))
end

local function show_as_it_is(event)
  return output.bytes((event.message:gsub("\n$", "")) .. "\n")
end

--- Returns a function that prints an event to stdout.
---@param raw boolean? byte for byte
---@return fun(event: watchbot.LogEvent): true?
function log_lines.printer(raw)
  return raw and show_as_it_is or show
end

return log_lines
