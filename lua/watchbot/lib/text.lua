--- text: the only place that makes bytes of unknown origin safe to show to people: on a terminal,
--- in a mail, in a log line.
-- Characters that control a terminal, or that make a line look like another one, are shown as
-- escapes like \u{9b}. JSON writes the same characters as \u009b: see src/json.c.

local text = {}

local REPLACEMENT = "\u{FFFD}"

--- The text as valid UTF-8: each invalid byte becomes U+FFFD.
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

-- The first bytes of all characters that `unsafe` matches.
local SUSPECT = "[%z\1-\8\11-\31\127\194\204\205\216\225-\227\239\240\243]"

-- Patterns of characters that are not shown unchanged. https://www.unicode.org/reports/tr36/
-- (bidirectional text)
local unsafe = {
  "[%z\1-\8\11-\31\127]", -- C0 but tab and newline, and DEL
  "\194[\128-\159]", -- C1, U+0080 to U+009F: a terminal may take U+009B for ESC [
  "\194\173", -- the soft hyphen
  "\216\156", -- the Arabic letter mark
  "\225\133[\159\160]", "\227\133\164", "\239\190\160", -- fillers of Hangul, which are blank
  "\225\160\142", -- the Mongolian vowel separator
  -- the zero-width space, marks of direction, line and paragraph separators, embeddings, overrides.
  -- The zero-width joiners stay: emoji and Persian are written with them.
  "\226\128[\139\142\143\168-\174]",
  "\226\129[\160-\175]", -- word joiner, invisible operators, isolates, what Unicode has withdrawn
  "\239\187\191", -- the byte order mark
  "\239\191[\176-\187]", -- annotations, and what will never be visible
  "\225\158[\180\181]", -- inherent vowels of Khmer, which are not visible
  "\240\155\178[\160-\163]", -- controls of shorthand
  "\240\157\133[\179-\186]", -- beams and slurs of music
  "\243\160[\128\129][\128-\191]", -- tags, which are invisible
}

-- More combining marks than this on one letter cover other lines.
local MARK, MOST_MARKS = "[\204\205][\128-\191]", 8
local FLOOD = MARK:rep(MOST_MARKS + 1)

local function escape(character)
  return ("\\u{%x}"):format(utf8.codepoint(character))
end

local function thin(marks)
  if #marks <= MOST_MARKS * 2 then return nil end
  return marks:sub(1, MOST_MARKS * 2) .. marks:sub(MOST_MARKS * 2 + 1):gsub(MARK, escape)
end

local function escape_all(shown)
  for _, pattern in ipairs(unsafe) do shown = shown:gsub(pattern, escape) end
  -- After a complete character, these bytes start only characters of these two blocks.
  if shown:find(FLOOD) then shown = shown:gsub("[\204\205][\204\205\128-\191]*", thin) end
  return shown
end

--- The text for people: valid UTF-8, without the colors that programs write for a terminal. Control
--- characters except tab and newline, and characters that change the direction of text or end a
--- line invisibly, are shown as escapes.
---@param bytes string
---@return string
function text.plain(bytes)
  local shown = text.clean(bytes)
  if not shown:find(SUSPECT) then return shown end
  return escape_all((shown:gsub("\27%[[%d;?]*%a", ""):gsub("\r\n", "\n")))
end

--- The same on one line: spaces, tabs and newlines become one space.
---@param bytes string
---@return string
function text.line(bytes)
  return (text.plain(bytes):gsub("%s+", " "))
end

-- Bytes of a word in an error; a longer word would hide the rest of the error.
local LONGEST_WORD = 200

local SHOWN = { ["\n"] = "\\n", ["\t"] = "\\t" }

--- A word of a command line or a file, as messages quote it: in one line; of a long word, its
--- beginning.
---@param word string
---@return string
function text.word(word)
  local shown = text.plain(text.cut(word, LONGEST_WORD)):gsub("[\n\t]", SHOWN)
  return #word > LONGEST_WORD and ("%s... (%d bytes)"):format(shown, #word) or shown
end

-- The attributes that watchbot sets: none, bold, dim, colors. Others hide text, or make it blink.
local function is_ours(attribute)
  local number = tonumber(attribute)
  return number ~= nil and (number <= 2 or number > 30 and number <= 37)
end

--- The same for text with colors that watchbot added: those are kept.
---@param bytes string
---@return string
function text.coloured(bytes)
  local shown = text.clean(bytes)
  if not shown:find(SUSPECT) then return shown end
  local parts, start = {}, 1
  for before, colour, attribute, behind in shown:gmatch "()(\27%[(%d*)m)()" do
    if is_ours(attribute) then
      parts[#parts + 1] = escape_all(shown:sub(start, before - 1)) .. colour
      start = behind
    end
  end
  parts[#parts + 1] = escape_all(shown:sub(start))
  return table.concat(parts)
end

--- At most `limit` bytes from the front, cut between characters.
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
