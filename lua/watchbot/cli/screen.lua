--- cli.screen: a page that fills the terminal, is redrawn in place, and leaves what was there
-- before as it was. Follows the terminal's size, and reads single keys. Lines must be fit for a
-- terminal: see lib.text.

local output = require "watchbot.cli.output"
local scheduler = require "watchbot.scheduler"
local terminal = require "watchbot.cli.terminal"

-- The alternate screen without a cursor; lines that are too long do not continue on the next one.
-- https://invisible-island.net/xterm/ctlseqs/ctlseqs.html
local ENTER, LEAVE = "\27[?1049h\27[?25l\27[?7l\27[2J", "\27[?7h\27[?25h\27[?1049l"

-- To the first row; the rest of a line, and all that is below it.
local HOME, CLEAR_LINE, CLEAR_BELOW = "\27[H", "\27[K", "\27[J"

-- Seconds between two looks at the terminal's size.
local LOOK = 0.1

---@class watchbot.Screen
local Screen = {}
Screen.__index = Screen

local screen = {}

--- Whether there is a terminal for a screen.
---@return boolean
function screen.is_possible()
  return terminal.is_terminal "stdin" and terminal.is_terminal "stdout"
    and os.getenv "TERM" ~= "dumb"
end

-- Notes each key that is typed.
local function listen(self)
  while true do
    local key = self.keys:read()
    self.key = key or "q" -- the terminal is gone, or Ctrl-D
    self.changed:set()
    if not key then return end
  end
end

--- Opens the screen. `local page <close>` restores the terminal. Must be called in a task.
---@return watchbot.Screen?
---@return string? err
---@return string? code
function screen.open()
  local keys, err, code = terminal.keys()
  if not keys then return nil, err, code end
  local self = setmetatable({ keys = keys, changed = scheduler.event(), lines = {} }, Screen)
  self.listening = scheduler.spawn(listen, self)
  output.bytes(ENTER)
  output.flush()
  return self
end

-- The columns that a character takes: wide ones are those of East Asia, and emoji.
local function width_of(code)
  if code >= 0x300 and code <= 0x36F or code == 0x200D or code >= 0xFE00 and code <= 0xFE0F then
    return 0
  end
  return code >= 0x1100 and code < 0xFE00 and (code <= 0x115F or code >= 0x2E80) and 2
    or code >= 0xFF00 and code <= 0xFF60 and 2 or code >= 0x1F300 and 2 or 1
end

--- A line, cut to a number of columns; colors take none, and end with the line.
---@param line string valid UTF-8
---@param columns integer
---@return string
function screen.cut(line, columns)
  local at, used = 1, 0
  while at <= #line do
    local colour = line:match("^\27%[%d*m()", at)
    if colour then
      at = colour
    else
      used = used + width_of(utf8.codepoint(line, at))
      if used > columns then return line:sub(1, at - 1) .. "\27[0m" end
      at = utf8.offset(line, 2, at)
    end
  end
  return line
end

--- Draws lines; those that do not fit are left out.
---@param lines string[]
function Screen:draw(lines)
  self.lines = lines
  self.columns, self.rows = terminal.size "stdout"
  local parts = { HOME }
  for index = 1, math.min(#lines, self.rows) do
    parts[#parts + 1] = (index > 1 and "\r\n" or "") .. screen.cut(lines[index], self.columns)
      .. CLEAR_LINE
  end
  if #lines < self.rows then parts[#parts + 1] = "\r\n" .. CLEAR_BELOW end
  output.check(output.bytes(table.concat(parts)))
  output.check(output.flush())
end

--- Waits for a key, another size of the terminal, or `wake`.
---@param seconds number the most
---@return string? key
---@return boolean resized
function Screen:wait(seconds)
  local until_time = scheduler.now() + seconds
  repeat
    self.changed:wait(math.max(0, math.min(LOOK, until_time - scheduler.now())))
    local columns, rows = terminal.size "stdout"
    local resized = columns ~= self.columns or rows ~= self.rows
    if self.key or resized or self.woken then break end
  until scheduler.now() >= until_time
  local key = self.key
  self.key, self.woken = nil, nil
  self.changed:clear()
  local columns, rows = terminal.size "stdout"
  return key, columns ~= self.columns or rows ~= self.rows
end

--- Ends a `wait` of another task: there is something new to draw.
function Screen:wake()
  self.woken = true
  self.changed:set()
end

--- Restores the terminal; may be called twice.
function Screen:close()
  if self.closed then return end
  self.closed = true
  self.listening:cancel()
  output.bytes(LEAVE)
  output.flush()
  self.keys:close()
end

Screen.__close = Screen.close

return screen
