--- words: phrases that must not be in a text that users read (errors, help, log lines), and those
-- that must not be in a comment. They read as riddles, or name a thing otherwise than AWS does;
-- `instead` is what the finding proposes.

local lexer = require "lint.lexer"

local words = {}

-- As whole words, in any case; a blank stands for any white space.
words.listed = {
  ["whoever"] = "name who",
  ["anew"] = "again",
  ["somebody"] = "name who, or 'you'",
  ["nobody"] = "name who is missing",
  ["of its own"] = "its own, separate",
  ["of their own"] = "their own, separate",
  ["at the most"] = "at most",
  ["is none"] = "say what was expected and what came",
  ["that is none"] = "invalid",
  ["it is none"] = "say what it is",
  ["is no more"] = "was removed",
  ["not to be had"] = "not available",
  ["nothing to mend"] = "no problems found",
  ["to mend"] = "to fix",
  ["what is missing"] = "name it",
  ["what is more"] = "the rest",
  ["so many"] = "this many, or the number",
  ["please"] = "say what is expected",
  ["beside"] = "next to, besides",
  ["is said"] = "is logged, is reported",
  ["is told"] = "is logged, is reported",
  ["ours"] = "say whose",
  ["tells"] = "says, reports, identifies",
  ["at the least"] = "at least",
  ["for good"] = "permanently",
  ["is there already"] = "already exists",
  ["is not there"] = "does not exist",
  ["wants to"] = "name the purpose",
  ["one's own"] = "its own, separate",
  ["what it takes"] = "name the requirements",
  ["what is wrong"] = "errors in",
  ["is no use"] = "has no effect",
  ["of no use"] = "has no effect",
  ["puts back"] = "returns",
  ["behind '--'"] = "after '--'",
  ["for want of"] = "for lack of",
  ["older name of"] = "former name of",
  ["nothing to do for"] = "no action is needed",
  ["what becomes of"] = "what happens to",
  ["is no text"] = "is not text",
  ["is no file"] = "is not a file",
  ["is no folder"] = "is not a folder",
  ["no json object"] = "not a JSON object",
}

--- Listed phrases that a comment must not have, either.
words.in_comments = {}
for _, phrase in ipairs { "whoever", "anew", "at the most", "at the least", "it is none",
  "that is none", "is no more", "not to be had", "to mend", "so many", "beside", "is told", "ours",
  "for want of", "one's own" } do
  words.in_comments[phrase] = true
end

-- "%f[%w]of%s+its%s+own%f[%W]", with the escapes \n and \t of a literal as white space
local patterns = {}
for phrase, instead in pairs(words.listed) do
  patterns[#patterns + 1] =
    { phrase = phrase, instead = instead,
    pattern = "%f[%w]" .. phrase:gsub(" ", "%%s+") .. "%f[%W]" }
end
table.sort(patterns, function(a, b) return a.phrase < b.phrase end)

--- The literals of a file.
---@param path string
---@param text string
---@return { text: string, line: integer }[]
function words.strings(path, text)
  if not path:find "%.lua$" then return lexer.c_strings(text) end
  local strings = {}
  for _, token in ipairs(lexer.tokens(text)) do
    if token.kind == "string" then
      strings[#strings + 1] = { text = lexer.unquote(token.text), line = token.line } end
  end
  return strings
end

-- Adds the listed words of some texts, all or those that `wanted` has.
local function add(found, texts, place, wanted)
  for _, literal in ipairs(texts) do
    local plain = literal.text:gsub("\\[nt]", "  "):lower()
    for _, one in ipairs(patterns) do
      if (not wanted or wanted[one.phrase]) and plain:find(one.pattern) then
        found[#found + 1] = {
          line = literal.line, message = ("'%s' in %s: %s"):format(one.phrase, place, one.instead),
        }
      end
    end
  end
end

-- The comments of a file, those in consecutive lines as one text: a phrase may continue on the next
-- line. Code in backquotes or braces and names with an underscore are not prose.
local function comments(path, text)
  local list = path:find "%.lua$" and lexer.comments(text) or select(2, lexer.c_strings(text))
  local joined, after = {}, nil
  for _, one in ipairs(list) do
    local prose = one.text:gsub("\n%s*%*", "\n"):gsub("^%-+", ""):gsub("`[^`]*`", " ")
      :gsub("%b{}", " "):gsub("%w*_[%w_]*", " ")
    if one.line == after then
      joined[#joined].text = joined[#joined].text .. " " .. prose
    else
      joined[#joined + 1] = { text = prose, line = one.line }
    end
    after = one.line + 1
  end
  return joined
end

--- The listed words in the string literals and the comments of a file of Lua or C.
---@param path string
---@param text string
---@return { line: integer, message: string }[]
function words.findings(path, text)
  local found = {}
  add(found, words.strings(path, text), "a text for users")
  add(found, comments(path, text), "a comment", words.in_comments)
  return found
end

return words
