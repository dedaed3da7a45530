--- lengths: files of more than 400 lines, functions of more than 40. A long one has two subjects.

local lexer = require "lint.lexer"

local lengths = {}

local FILE, FUNCTION = 400, 40

local OPENS = { ["function"] = true, ["if"] = true, ["do"] = true, ["repeat"] = true }
local CLOSES = { ["end"] = true, ["until"] = true }

-- The functions of Lua source: first and last line of each.
local function lua_functions(text)
  local open, found = {}, {}
  for _, token in ipairs(lexer.tokens(text)) do
    if token.kind == "name" and OPENS[token.text] then
      open[#open + 1] = token
    elseif token.kind == "name" and CLOSES[token.text] then
      local opened = table.remove(open)
      if opened and opened.text == "function" then
        found[#found + 1] = { first = opened.line, last = token.line }
      end
    end
  end
  return found
end

-- Those of C, as clang-format lays them out: from a line that ends in ") {" to "}" at its
-- beginning.
local function c_functions(text)
  local found, first, number = {}, nil, 0
  for line in text:gmatch "([^\n]*)\n" do
    number = number + 1
    if line:find "^%w.*%) {$" then first = number end
    if line == "}" and first then
      found[#found + 1] = { first = first, last = number }
      first = nil
    end
  end
  return found
end

--- What is too long in a file of Lua or C.
---@param path string
---@param text string
---@return { line: integer, message: string }[]
function lengths.findings(path, text)
  local findings, lines = {}, select(2, text:gsub("\n", ""))
  if lines > FILE then
    findings[1] = { line = 1, message = ("a file of %d lines"):format(lines) }
  end
  local functions = path:find "%.lua$" and lua_functions(text) or c_functions(text)
  for _, one in ipairs(functions) do
    local count = one.last - one.first + 1
    if count > FUNCTION then
      findings[#findings + 1] = {
        line = one.first, message = ("a function of %d lines"):format(count),
      }
    end
  end
  return findings
end

return lengths
