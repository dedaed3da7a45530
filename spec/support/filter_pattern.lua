--- filter_pattern: which log lines a filter pattern of CloudWatch Logs matches, and the values it
-- extracts. Three forms: terms (`"[failure]" -ignored`, `?one ?other`), words of a line (`[date,
-- source = w*, ..., bytes > 10]`), members of a JSON object (`{ $.code = 3 && $.reason NOT EXISTS
-- }`). Regular expressions are not supported, and refused.
-- https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html That page
-- only describes lines that consist of JSON. CloudWatch also accepts an object at the end of a text
-- line: the filters of ecs-watchbot's stacks depend on it (its pull request 284 shows the first
-- metrics).

local cjson = require "cjson.safe"

local filter_pattern = {}

---@class watchbot.spec.FilterPattern
---@field matches fun(self: table, line: string): boolean
local Pattern = {}
Pattern.__index = Pattern

local function fail(text, why)
  error(("filter pattern '%s': %s"):format(text, why), 0)
end

-- conditions, which members and words have in common

-- A `*` matches any text, but only at an end: `Ev*ent` matches exactly that text.
local function equals(text, wanted)
  local head, body, tail = wanted:match "^(%*?)(.-)(%*?)$"
  if body == "" and (head ~= "" or tail ~= "") then return true end
  if head ~= "" and tail ~= "" then return text:find(body, 1, true) ~= nil end
  if head ~= "" then return text:sub(-#body) == body end
  if tail ~= "" then return text:sub(1, #body) == body end
  return text == body
end

local orders = {
  ["<"] = function(a, b) return a < b end, ["<="] = function(a, b) return a <= b end,
  [">"] = function(a, b) return a > b end, [">="] = function(a, b) return a >= b end,
}

-- `wanted` was quoted: it is text, whatever it looks like.
local function compare(value, operator, wanted, quoted)
  local number, wanted_number = tonumber(value), not quoted and tonumber(wanted)
  if orders[operator] then
    return number ~= nil and wanted_number ~= nil and orders[operator](number, wanted_number)
  end
  local same
  if number and wanted_number then
    same = number == wanted_number
  else
    same = equals(tostring(value), wanted)
  end
  return same == (operator == "=")
end

-- the words of a pattern

local PUNCTUATION = { "&&", "||", "!=", "<=", ">=", "<", ">", "=", "(", ")", "," }

local function punctuation_at(text, at)
  for _, sign in ipairs(PUNCTUATION) do
    if text:sub(at, at + #sign - 1) == sign then return sign end
  end
end

-- => list of { text, quoted = true?, sign = true? }
local function tokens_of(text)
  local tokens, at = {}, 1
  while true do
    at = text:find("%S", at)
    if not at then return tokens end
    local sign = punctuation_at(text, at)
    local token
    if sign then
      token, at = { sign, sign = true }, at + #sign
    elseif text:sub(at, at) == '"' then
      local stop = text:find('"', at + 1, true) or fail(text, "a quote is not closed")
      token, at = { text:sub(at + 1, stop - 1), quoted = true }, stop + 1
    else
      local stop = (text:find("[%s&|!<>=(),\"]", at) or #text + 1) - 1
      if stop < at then fail(text, "what is '" .. text:sub(at, at) .. "'?") end
      token, at = { text:sub(at, stop) }, stop + 1
    end
    tokens[#tokens + 1] = token
  end
end

---@class watchbot.spec.FilterParser
local Parser = {}
Parser.__index = Parser

local function parser(text, atom)
  return setmetatable({ text = text, tokens = tokens_of(text), at = 1, atom = atom }, Parser)
end

function Parser:next()
  local token = self.tokens[self.at] or fail(self.text, "something is missing at the end")
  self.at = self.at + 1
  return token
end

function Parser:accept(sign)
  local token = self.tokens[self.at]
  if not (token and token[1] == sign and not token.quoted) then return false end
  self.at = self.at + 1
  return true
end

local function both(a, b) return function(...) return a(...) and b(...) end end
local function either(a, b) return function(...) return a(...) or b(...) end end

function Parser:group()
  if not self:accept "(" then return self:atom() end
  local inside = self:disjunction()
  if not self:accept ")" then fail(self.text, "a ')' is missing") end
  return inside
end

function Parser:conjunction()
  local left = self:group()
  while self:accept "&&" do left = both(left, self:group()) end
  return left
end

function Parser:disjunction()
  local left = self:conjunction()
  while self:accept "||" do left = either(left, self:conjunction()) end
  return left
end

function Parser:comparison()
  local operator = self:next()
  if not (operator.sign and (orders[operator[1]] or operator[1] == "=" or operator[1] == "!=")) then
    fail(self.text, "no operator: '" .. operator[1] .. "'")
  end
  local wanted = self:next()
  -- Only letters and digits, and a `*` at an end, may go without quotes.
  if wanted.sign or not (wanted.quoted or wanted[1]:match "^%*?[%w_.+-]*%*?$") then
    fail(self.text, "'" .. wanted[1] .. "' needs quotes")
  end
  return function(value) return compare(value, operator[1], wanted[1], wanted.quoted) end
end

function Parser:whole()
  local condition = self:disjunction()
  if self.tokens[self.at] then fail(self.text, "what is '" .. self.tokens[self.at][1] .. "'?") end
  return condition
end

-- members of a JSON object

local function member(object, selector)
  local value = object
  for name, index in selector:sub(2):gmatch "%.?([%w_-]*)%[?(%d*)%]?" do
    for _, key in ipairs { name ~= "" and name or nil, index ~= "" and index + 1 or nil } do
      value = type(value) == "table" and value[key] or nil
    end
  end
  return value
end

local tests = {
  EXISTS = function(value) return value == nil end, -- behind NOT
  NULL = function(value) return value == cjson.null end,
  TRUE = function(value) return value == true end,
  FALSE = function(value) return value == false end,
}

local function json_atom(self)
  local selector = self:next()[1]
  if not selector:match "^%$[%w_.%[%]-]+$" then
    fail(self.text, "'" .. selector .. "' is no selector")
  end
  local test
  if self:accept "NOT" then
    test = self:next()[1] == "EXISTS" and tests.EXISTS or fail(self.text, "NOT EXISTS, please")
  elseif self:accept "IS" then
    test = tests[self:next()[1]] or fail(self.text, "IS what?")
  else
    local compares = self:comparison()
    -- A null, a list or an object is neither equal to a value nor different from it.
    test = function(value)
      local kind = type(value)
      return (kind == "string" or kind == "number" or kind == "boolean") and compares(value)
    end
  end
  return function(object) return test(member(object, selector)) end
end

local function object_of(line)
  local object = cjson.decode(line:match "{.*$" or "")
  return type(object) == "table" and object or nil
end

local function json(text)
  local condition = parser(text:match "^{(.*)}$", json_atom):whole()
  return setmetatable({
    matches = function(_, line)
      local object = object_of(line)
      return object ~= nil and condition(object)
    end,
    fields = function(_, line, selector) return member(object_of(line), selector) end,
  }, Pattern)
end

-- words of a line

-- Text in brackets or quotes is one word. Whether quotes inside a word count is not documented: an
-- object is one word then, or ends at a space. The template's patterns must mean the same in both
-- cases.
local function words_of(line, whole)
  local words, at = {}, 1
  while true do
    at = line:find("%S", at)
    if not at then return words end
    local opening = line:sub(at, at)
    local closing = (opening == "[" and "]") or (opening == '"' and '"') or nil
    local stop = closing and line:find(closing, at + 1, true)
    if stop then
      words[#words + 1], at = line:sub(at + 1, stop - 1), stop + 1
    else
      local word = line:match(whole and "^{.*}" or "^%S+", at) or line:match("^%S+", at)
      words[#words + 1], at = word, at + #word
    end
  end
end

local function word_atom(self)
  local name = self:next()[1]
  self.name = self.name or name
  local token = self.tokens[self.at]
  if not token or token[1] == "&&" or token[1] == "||" then return function() return true end end
  return self:comparison()
end

-- => list of { name, test }, the index of the ellipsis
local function columns_of(text)
  local columns, ellipsis = {}, nil
  for column in text:gmatch "[^,]+" do
    if column:match "^%s*%.%.%.%s*$" then
      ellipsis = #columns + 1
    else
      local parsed = parser(column, word_atom)
      local test = parsed:whole()
      columns[#columns + 1] = { parsed.name, test }
    end
  end
  return columns, ellipsis
end

-- The words for the columns, by name; nil if there are too many or too few.
local function assign(words, columns, ellipsis)
  if #words < #columns or (#words > #columns and not ellipsis) then return nil end
  local found = {}
  for index, column in ipairs(columns) do
    local word = words[(ellipsis and index >= ellipsis) and index + #words - #columns or index]
    if not column[2](word) then return nil end
    found["$" .. column[1]] = word
  end
  return found
end

local function space_delimited(text)
  local columns, ellipsis = columns_of(text:match "^%[(.*)%]$")
  return setmetatable({
    matches = function(_, line)
      local matched = assign(words_of(line), columns, ellipsis) ~= nil
      if matched ~= (assign(words_of(line, true), columns, ellipsis) ~= nil) then
        fail(text, "it depends on how the object is cut: " .. line)
      end
      return matched
    end,
    fields = function(_, line, name) return assign(words_of(line), columns, ellipsis)[name] end,
  }, Pattern)
end

-- terms anywhere in the line

local function terms_of(text)
  local terms, at = { all = {}, any = {}, none = {} }, 1
  while true do
    at = text:find("%S", at)
    if not at then return terms end
    local sign = text:match("^[?-]", at) or ""
    local quoted, bare = text:match('^"([^"]*)"', at + #sign), text:match("^[%w_]+", at + #sign)
    local term = quoted or bare or fail(text, "a term needs quotes at '" .. text:sub(at) .. "'")
    local kind = (sign == "?" and "any") or (sign == "-" and "none") or "all"
    table.insert(terms[kind], term)
    at = at + #sign + #term + (quoted and 2 or 0)
  end
end

local function count(line, terms)
  local found = 0
  for _, term in ipairs(terms) do
    if line:find(term, 1, true) then found = found + 1 end
  end
  return found
end

local function terms(text)
  local wanted = terms_of(text)
  if #wanted.any > 0 and #wanted.all + #wanted.none > 0 then
    fail(text, "beside other terms, CloudWatch ignores ?terms")
  end
  return setmetatable({
    matches = function(_, line)
      return count(line, wanted.all) == #wanted.all and count(line, wanted.none) == 0
        and (#wanted.any == 0 or count(line, wanted.any) > 0)
    end,
  }, Pattern)
end

--- Raises an error if the pattern is wrong.
---@param text string
---@return watchbot.spec.FilterPattern
function filter_pattern.new(text)
  if text:find "%%" then fail(text, "regular expressions are not known here") end
  if text:match "^{.*}$" then return json(text) end
  if text:match "^%[.*%]$" then return space_delimited(text) end
  return terms(text)
end

--- The value that a metric gets from a line which matches: a number as it is, `$.member` of the
--- object, `$name` of a word.
---@param line string
---@param value string|number a metric filter's MetricValue
---@return number? nil if it is not a number
function Pattern:value(line, value)
  if tonumber(value) then return tonumber(value) end
  return self.fields and tonumber(self:fields(line, value)) or nil
end

return filter_pattern
