--- words: phrases that must not be in a text that users read (errors, help, log lines, pages of
-- documentation), nor in a comment. They read as riddles, or name a thing otherwise than AWS does;
-- the finding proposes something else.

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
  ["for ever"] = "forever",
  ["without a word"] = "silently, without a message",
  ["in silence"] = "silently",
  ["be had"] = "is available, is fetched",
  ["whence"] = "from where",
}

--- Listed phrases that are ordinary English in a comment or on a page: "nil if there is none".
words.in_prose = {}
for _, phrase in ipairs { "is none", "it is none", "nobody", "older name of", "please",
  "what is wrong" } do
  words.in_prose[phrase] = true
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

-- Adds the listed words of some texts, except those that `allowed` has.
local function add(found, texts, place, allowed)
  for _, literal in ipairs(texts) do
    local plain = literal.text:gsub("\\[nt]", "  "):lower()
    for _, one in ipairs(patterns) do
      if not (allowed and allowed[one.phrase]) and plain:find(one.pattern) then
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

-- The paragraphs of a page in Markdown, without its code; a phrase may continue on the next line.
local function paragraphs(text)
  local list, number, in_code, open = {}, 0, false, false
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    number = number + 1
    if line:find "^%s*```" then in_code = not in_code end
    local prose = (in_code or line:find "^    ") and "" or line:gsub("`[^`]*`", " ")
    if prose == "" then
      open = false
    elseif open then
      list[#list].text = list[#list].text .. "\n" .. prose
    else
      list[#list + 1], open = { text = prose, line = number }, true
    end
  end
  return list
end

--- The listed words in a file of Lua or C: in the comments, and with `with_texts` in the string
--- literals; in the paragraphs of a page in Markdown.
---@param path string
---@param text string
---@param with_texts boolean? users read its texts
---@return { line: integer, message: string }[]
function words.findings(path, text, with_texts)
  local found = {}
  if path:find "%.md$" then
    add(found, paragraphs(text), "a page", words.in_prose)
    return found
  end
  if with_texts then add(found, words.strings(path, text), "a text for users") end
  add(found, comments(path, text), "a comment", words.in_prose)
  return found
end

return words
