--- cli.terminal: a command's dialog with a person at a terminal; silent without a terminal. Sits on
-- watchbot.core.terminal (src/lterminal.c). Questions and progress go to stderr, so that stdout has
-- only the result.

local core = require "watchbot.core".terminal
local input = require "watchbot.core".input
local open_lines = require("watchbot.lib.lines").open
local output = require "watchbot.cli.output"
local scheduler = require "watchbot.scheduler"
local text = require "watchbot.lib.text"

local STREAMS = { stdin = 0, stdout = 1, stderr = 2 }

-- Seconds before progress is shown, and between two updates.
local PATIENCE, PACE = 1, 0.1

local COLOURS = {
  bold = 1, dim = 2, red = 31, green = 32, yellow = 33, blue = 34, magenta = 35, cyan = 36,
}

local terminal = {}

---@param stream "stdin"|"stdout"|"stderr"
---@return boolean
function terminal.is_terminal(stream)
  return core.is_terminal(STREAMS[stream])
end

--- Whether a question can be asked: stderr and stdin are a terminal.
---@return boolean
function terminal.is_interactive()
  return terminal.is_terminal "stdin" and terminal.is_terminal "stderr"
end

--- The columns of a stream's terminal; 80 if unknown.
---@param stream "stdout"|"stderr"
---@return integer
function terminal.columns(stream)
  return core.size(STREAMS[stream]) or 80
end

--- The size of a stream's terminal; 80 columns and 24 rows if unknown.
---@param stream "stdout"|"stderr"
---@return integer columns
---@return integer rows
function terminal.size(stream)
  local columns, rows = core.size(STREAMS[stream])
  return columns or 80, rows or 24
end

-- colors

--- Whether a stream supports colors: a terminal that is not dumb, and $NO_COLOR is not set
--- (https://no-color.org).
---@param stream "stdout"|"stderr"
---@return boolean
function terminal.has_colours(stream)
  return (os.getenv "NO_COLOR" or "") == "" and os.getenv "TERM" ~= "dumb"
    and terminal.is_terminal(stream)
end

--- The text in a color, if the stream supports colors.
---@param colour "bold"|"dim"|"red"|"green"|"yellow"|"blue"|"magenta"|"cyan"
---@param words string
---@param stream "stdout"|"stderr"|nil "stdout"
---@return string
function terminal.paint(colour, words, stream)
  local number = COLOURS[colour]
    or error(("paint: unknown color '%s'"):format(tostring(colour)), 2)
  if not terminal.has_colours(stream or "stdout") then return words end
  return ("\27[%dm%s\27[0m"):format(number, words)
end

-- questions

local function answer()
  local lines = open_lines(STREAMS.stdin)
  local read
  repeat read = lines:read() until not read or #read > 0
  return read and read[1]:lower() or "n"
end

--- Asks before something is destroyed. Waits in a task.
---@param question string "delete 3 messages?"
---@param yes boolean? answered in advance, by --yes
---@return true? ok
---@return string? err
---@return string? code "Usage" without a terminal, "Declined"
function terminal.confirm(question, yes)
  if yes then return true end
  if not terminal.is_interactive() then
    return nil, ("%s no terminal to confirm on: use --yes to confirm"):format(question),
      "Usage"
  end
  core.discard(STREAMS.stdin)
  output.note(question .. " [y/N] ")
  local said = answer():match "^%s*(.-)%s*$"
  if said == "y" or said == "yes" then return true end
  return nil, "nothing was changed", "Declined"
end

-- progress

---@class watchbot.cli.Progress
local Progress = {}
Progress.__index = Progress

--- A line on stderr about work that takes longer than a second; on a terminal only. `local progress
--- <close>` takes it away; so does `progress:clear()`, before something else is written.
---@return watchbot.cli.Progress
function terminal.progress()
  return setmetatable({ from = terminal.is_terminal "stderr" and scheduler.now() + PATIENCE
    or math.huge }, Progress)
end

--- Updates the line.
---@param words string "1200 of 5000 messages"
function Progress:tell(words)
  local now = scheduler.now()
  if now < self.from then return end
  self.from, self.shown = now + PACE, true
  io.stderr:write("\r\27[K", text.cut(text.line(words), terminal.columns "stderr" - 1))
end

function Progress:clear()
  if self.shown then io.stderr:write "\r\27[K" end
  self.shown = false
end

Progress.__close = Progress.clear

-- keys

-- Sequences that terminals send for other keys, and as responses, start with ESC, or with one of
-- the characters U+0080 to U+009F (as UTF-8, or as a byte). They are read to their end, and do not
-- count as keys.
-- https://www.ecma-international.org/publications-and-standards/standards/ecma-48/

-- state -> byte -> the next state, and whether the byte is a key.
local states = {}

function states.ground(byte)
  if byte == 0x1B then return "escape" end
  if byte == 0xC2 then return "c1" end
  if byte >= 0x80 and byte <= 0x9F then return states.c1(byte) end
  return "ground", byte < 0x80
end

local STRINGS = { [0x50] = true, [0x58] = true, [0x5D] = true, [0x5E] = true, [0x5F] = true }

function states.escape(byte)
  if byte == 0x1B then return "escape" end
  if byte == 0x5B then return "control" end
  if byte == 0x4F or byte == 0x4E then return "shift" end
  return STRINGS[byte] and "text" or "ground"
end

-- U+0080 to U+009F are ESC and a byte 64 below.
function states.c1(byte)
  return byte <= 0x9F and states.escape(byte - 0x40) or "ground"
end

function states.shift()
  return "ground"
end

function states.control(byte)
  return byte >= 0x40 and byte <= 0x7E and "ground" or "control"
end

-- A string ends with BEL or ESC \; a line ends it, too: a person may have typed its beginning.
function states.text(byte)
  if byte == 0x07 or byte == 0x0A or byte == 0x0D then return "ground" end
  return byte == 0x1B and "escape" or "text"
end

---@class watchbot.Keys
local Keys = {}
Keys.__index = Keys

--- Single keys from stdin, without Enter and without echo. `local keys <close>` restores the
--- terminal.
---@return watchbot.Keys?
---@return string? err
---@return string? code
function terminal.keys()
  local raw, err, code = core.raw(STREAMS.stdin)
  if not raw then return nil, err, code end
  return setmetatable({ raw = raw, input = input.open(STREAMS.stdin), typed = "",
    state = "ground" }, Keys)
end

-- => a byte | nil at the end
function Keys:byte()
  if self.typed == "" then self.typed = self.input:read() or "" end
  local byte = self.typed:byte()
  self.typed = self.typed:sub(2)
  return byte
end

--- Discards earlier input: it was typed before the next question was shown.
function Keys:discard()
  core.discard(STREAMS.stdin)
  self.typed, self.state = "", "ground"
end

--- The next key that is one ASCII character; nil at the end of the input. Waits in a task.
---@return string?
function Keys:read()
  local byte, is_key
  repeat
    byte = self:byte()
    if not byte or byte == 4 then return nil end -- Ctrl-D
    self.state, is_key = states[self.state](byte)
  until is_key
  return string.char(byte)
end

function Keys:close()
  self.input:close()
  self.raw:close()
end

Keys.__close = Keys.close

return terminal
