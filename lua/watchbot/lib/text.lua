--- text: the one place that makes bytes of unknown origin fit for people: for a terminal, a mail,
--- a line of the log.
-- What could drive a terminal, or make a line look like another one, is shown as an escape like
-- \u{9b}. JSON has the same
-- characters as \u009b: see src/json.c.

local text = {}

local REPLACEMENT = "\u{FFFD}"

--- The same text as valid UTF-8: each byte that does not belong becomes U+FFFD.
---@param bytes string
---@return string
function text.clean(bytes)
  if utf8.len(bytes) then return bytes end
  local parts, start = {}, 1
  while start <= #bytes do
    local length, bad = utf8.len(bytes, start)
    if length then
      parts[#parts + 1] = bytes:sub(start)
      break
    end
    parts[#parts + 1] = bytes:sub(start, bad - 1) .. REPLACEMENT
    start = bad + 1
  end
  return table.concat(parts)
end

-- The first bytes of everything that `unsafe` finds.
local SUSPECT = "[%z\1-\8\11-\31\127\194\216\226\239\243]"

-- Patterns of characters that are not shown as they are. https://www.unicode.org/reports/tr36/
-- (bidirectional text)
local unsafe = {
  "[%z\1-\8\11-\31\127]", -- C0 but tab and newline, and DEL
  "\194[\128-\159]", -- C1, U+0080 to U+009F: a terminal may take U+009B for ESC [
  "\216\156", -- the Arabic letter mark
  -- the marks of direction, line and paragraph separators, embeddings and overrides
  "\226\128[\142\143\168-\174]",
  "\226\129[\166-\169]", -- isolates
  "\239\187\191", -- the byte order mark
  "\239\191[\185-\187]", -- annotations
  "\243\160[\128\129][\128-\191]", -- tags, which nobody can see
}

local function escape(character)
  return ("\\u{%x}"):format(utf8.codepoint(character))
end

local function escape_all(shown)
  for _, pattern in ipairs(unsafe) do shown = shown:gsub(pattern, escape) end
  return shown
end

--- The same text for people: valid UTF-8, without the colours that programs write for a terminal.
--- Control characters but tab
--- and newline, and what changes the direction of text or ends a line unseen, are shown as escapes.
---@param bytes string
---@return string
function text.plain(bytes)
  local shown = text.clean(bytes)
  if not shown:find(SUSPECT) then return shown end
  return escape_all((shown:gsub("\27%[[%d;?]*%a", ""):gsub("\r\n", "\n")))
end

--- The same in one line: blanks, tabs and newlines become one space.
---@param bytes string
---@return string
function text.line(bytes)
  return (text.plain(bytes):gsub("%s+", " "))
end

--- The same for text that has colours of ours in it: those stay.
---@param bytes string
---@return string
function text.coloured(bytes)
  local shown = text.clean(bytes)
  if not shown:find(SUSPECT) then return shown end
  local parts, start = {}, 1
  for before, colour, behind in shown:gmatch "()(\27%[[%d;]*m)()" do
    parts[#parts + 1] = escape_all(shown:sub(start, before - 1)) .. colour
    start = behind
  end
  parts[#parts + 1] = escape_all(shown:sub(start))
  return table.concat(parts)
end

--- At most `limit` bytes from the front, never ending within a character.
---@param bytes string
---@param limit integer
---@return string
function text.cut(bytes, limit)
  if #bytes <= limit then return bytes end
  local stop = limit
  while stop > 0 and limit - stop < 4 and (bytes:byte(stop + 1) & 0xC0) == 0x80 do
    stop = stop - 1
  end
  return bytes:sub(1, stop)
end

return text
