--- lexer: the tokens of Lua's source, as far as the checks of spec/lint need them, and the string
-- literals of C's. Comments are left out, so that an example in one is no code.

local lexer = {}

-- The end of a long bracket that opens at `from`, or nil where none does.
local function long_bracket(text, from)
  local level = text:match("^%[(=*)%[", from)
  if not level then return nil end
  local _, last = text:find("]" .. level .. "]", from, true)
  return last or #text
end

-- The end of a quoted string that opens at `from`.
local function quoted(text, from)
  local quote, at = text:sub(from, from), from + 1
  while at <= #text do
    local char = text:sub(at, at)
    if char == quote then return at end
    at = at + (char == "\\" and 2 or 1)
  end
  return #text
end

-- The last character of what begins at `at`, and its kind.
local function token(text, at)
  if text:find("^%-%-", at) then
    return long_bracket(text, at + 2) or (text:find("\n", at, true) or #text + 1) - 1, "comment"
  end
  local char = text:sub(at, at)
  if char == '"' or char == "'" then return quoted(text, at), "string" end
  local last = long_bracket(text, at)
  if last then return last, "string" end
  last = select(2, text:find("^[%a_][%w_]*", at))
  if last then return last, "name" end
  last = select(2, text:find("^%d[%w.]*", at))
  return last or at, "symbol"
end

-- Every token except spaces, comments included.
local function all(text)
  local tokens, at, line = {}, 1, 1
  text = text:gsub("^#[^\n]*", "")
  while true do
    local first = text:find("%S", at)
    if not first then return tokens end
    line = line + select(2, text:sub(at, first - 1):gsub("\n", ""))
    local last, kind = token(text, first)
    local word = text:sub(first, last)
    tokens[#tokens + 1] = { kind = kind, text = word, line = line }
    line = line + select(2, word:gsub("\n", ""))
    at = last + 1
  end
end

local function of_kind(text, wanted)
  local chosen = {}
  for _, one in ipairs(all(text)) do
    if (one.kind == "comment") == (wanted == "comment") then chosen[#chosen + 1] = one end
  end
  return chosen
end

--- Every token except spaces and comments.
---@param text string Lua source
---@return { kind: "name"|"string"|"symbol", text: string, line: integer }[]
function lexer.tokens(text) return of_kind(text, "code") end

--- The comments of Lua source.
---@param text string
---@return { text: string, line: integer }[]
function lexer.comments(text) return of_kind(text, "comment") end

--- The text of a string literal, without its quotes; escapes stay as they are.
function lexer.unquote(literal)
  return literal:match "^%[=*%[(.*)%]=*%]$" or literal:sub(2, -2)
end
--- The string literals of C, outside comments and #include lines, and the comments.
---@param text string C source
---@return { text: string, line: integer }[] strings
---@return { text: string, line: integer }[] comments
function lexer.c_strings(text)
  local strings, comments, at, line = {}, {}, 1, 1
  text = text:gsub("(#%s*include)[^\n]*", "%1")
  while at <= #text do
    local last
    local first = text:find('["\'/\n]', at)
    if not first then break end
    local char = text:sub(first, first)
    if char == "\n" then
      line, last = line + 1, first
    elseif text:find("^/%*", first) then
      last = select(2, text:find("*/", first + 2, true)) or #text
      comments[#comments + 1] = { text = text:sub(first, last), line = line }
    elseif text:find("^//", first) then
      last = (text:find("\n", first, true) or #text + 1) - 1
      comments[#comments + 1] = { text = text:sub(first, last), line = line }
    elseif char == "/" then
      last = first
    else
      last = quoted(text, first)
      if char == '"' then
        strings[#strings + 1] = { text = text:sub(first + 1, last - 1), line = line } end
    end
    if char ~= "\n" then line = line + select(2, text:sub(first, last):gsub("\n", "")) end
    at = last + 1
  end
  return strings, comments
end

return lexer
