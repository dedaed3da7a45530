--- words: phrases that do not belong into a text that users read: errors, help, log lines. They
-- read as riddles, or name a thing otherwise than AWS does; `instead` is what the finding proposes.

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
}

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

--- The listed words in the string literals of a file of Lua or C.
---@param path string
---@param text string
---@return { line: integer, message: string }[]
function words.findings(path, text)
  local found = {}
  for _, literal in ipairs(words.strings(path, text)) do
    local plain = literal.text:gsub("\\[nt]", "  "):lower()
    for _, one in ipairs(patterns) do
      if plain:find(one.pattern) then
        found[#found + 1] =
          { line = literal.line,
          message = ("'%s' in a text for users: %s"):format(one.phrase, one.instead) }
      end
    end
  end
  return found
end

return words
