--- template.kinds: the values that an option may have. An intrinsic may replace a plain value at
-- any depth; only values that decide which resources exist (`plain`), and tables that are read
-- (`open`), must be known when the template is made.

local cf = require "watchbot.template.cf"
local list = require "watchbot.lib.list"
local shown = require "watchbot.lib.refusal".shown
local sorted = require "watchbot.lib.sorted"
local suggest = require "watchbot.lib.suggest"

---@class watchbot.template.Kind
---@field expected string
---@field plain string? why it may not be an intrinsic itself
---@field check fun(value: any): boolean|string|nil, string?, string? ok, what is wrong, and the
--- name of the member that it is

local kinds = {}

--- The problem with a value, if there is one.
---@param kind watchbot.template.Kind
---@param value any
---@return string? problem
---@return string? member the name of the member at fault
function kinds.problem(kind, value)
  if cf.is(value) then
    return kind.plain
  end
  local ok, detail, member = kind.check(value)
  if ok then return nil end
  local got = type(value) == "table" and next(value) == nil and "an empty table" or shown(value)
  return detail or ("expected %s, got %s"):format(kind.expected, got), member
end

---@param items watchbot.template.Kind
---@param expected string
---@param may_be_empty boolean?
---@param most integer? items
---@return watchbot.template.Kind
function kinds.list(items, expected, may_be_empty, most)
  return { expected = expected, check = function(value)
    if not list.is(value) or (#value == 0 and not may_be_empty) then return false end
    if most and #value > most then
      return false, ("expected at most %d, got %d"):format(most, #value)
    end
    for index, item in ipairs(value) do
      local problem, member = kinds.problem(items, item)
      if problem then return false, ("item %d: %s"):format(index, problem), member end
    end
    return true
  end }
end

-- The problem with a name that the user chose.
local function name_problem(kind, name)
  if type(name) ~= "string" or name == "" then
    return ("expected names, got the key %s"):format(shown(name))
  end
  local ok, detail = true, nil
  if kind then ok, detail = kind.check(name) end
  if ok then return nil end
  return detail or ("expected %s, got the name %s"):format(kind.expected, shown(name))
end

--- A map from names that the user chooses to values of one kind.
---@param items watchbot.template.Kind
---@param expected string
---@param names watchbot.template.Kind? what the names may be
---@param most integer? names
---@return watchbot.template.Kind
function kinds.map(items, expected, names, most)
  return { expected = expected, check = function(value)
    if type(value) ~= "table" then return false end
    local keys = sorted.keys(value)
    if most and #keys > most then
      return false, ("expected at most %d, got %d"):format(most, #keys)
    end
    for _, name in ipairs(keys) do
      local problem = name_problem(names, name)
      if problem then return false, problem, tostring(name) end
      problem = kinds.problem(items, value[name])
      if problem then return false, ("'%s': %s"):format(name, problem), name end
    end
    return true
  end }
end

--- A table with known members.
---@param members table<string, watchbot.template.Kind>
---@param expected string
---@return watchbot.template.Kind
function kinds.record(members, expected)
  local names = sorted.keys(members)
  return { expected = expected, members = members, check = function(value)
    if type(value) ~= "table" then return false end
    for _, name in ipairs(sorted.keys(value)) do
      if type(name) ~= "string" then return false end
      if not members[name] then
        return false, ("unknown member '%s'%s"):format(name,
          suggest.hint(name, names, "known: " .. table.concat(names, ", "))), name
      end
      local problem, member = kinds.problem(members[name], value[name])
      if problem then return false, ("'%s': %s"):format(name, problem), member or name end
    end
    return true
  end }
end

---@param ... string
---@return watchbot.template.Kind
function kinds.one_of(...)
  local known = {}
  for _, name in ipairs { ... } do known[name] = true end
  return {
    expected = ("one of '%s'"):format(table.concat({ ... }, "', '")),
    check = function(value) return known[value] end,
  }
end

--- A value of any of several kinds. If none fits, the problem is that of the kind whose member is
--- wrong.
---@param expected string
---@param ... watchbot.template.Kind
---@return watchbot.template.Kind
function kinds.either(expected, ...)
  local choices = { ... }
  return { expected = expected, choices = choices, check = function(value)
    local detail, at
    for _, kind in ipairs(choices) do
      local problem, member = kinds.problem(kind, value)
      if not problem then return true end
      if member then detail, at = problem, member end
    end
    return false, detail, at
  end }
end

---@param ... integer
---@return watchbot.template.Kind
function kinds.number_of(...)
  local known = {}
  for _, number in ipairs { ... } do known[number] = true end
  return {
    expected = ("one of %s"):format(table.concat({ ... }, ", ")), numeric = true,
    check = function(value) return math.type(value) == "integer" and known[value] end,
  }
end

--- A value that must be known when the template is made.
---@param kind watchbot.template.Kind
---@param why string?
---@return watchbot.template.Kind
function kinds.plain(kind, why)
  return { expected = kind.expected, check = kind.check, numeric = kind.numeric,
    members = kind.members, choices = kind.choices,
    plain = (why or "it decides which resources there are") .. ", so it cannot be an intrinsic" }
end

--- A table that is read; its members may be intrinsics.
---@param kind watchbot.template.Kind
---@return watchbot.template.Kind
function kinds.open(kind)
  return { expected = kind.expected, check = kind.check, members = kind.members,
    choices = kind.choices,
    plain = "it cannot be an intrinsic, but its members can" }
end

-- AWS's integers have 32 bits, unless a page says less.
local LARGEST = 2 ^ 31 - 1 | 0

---@param least integer
---@param most integer?
---@return watchbot.template.Kind
function kinds.whole(least, most)
  return {
    numeric = true,
    expected = most and ("a whole number from %d to %d"):format(least, most)
    or ("a whole number of at least %d"):format(least),
    check = function(value)
      if math.type(value) ~= "integer" then return false end
      if not most and value > LARGEST then
        return false, ("expected at most %d, got %d"):format(LARGEST, value)
      end
      return value >= least and value <= (most or LARGEST)
    end,
  }
end

--- Text that matches one of several patterns.
---@param expected string
---@param pattern string
---@param most integer? characters
---@param ... string more patterns
---@return watchbot.template.Kind
function kinds.matching(expected, pattern, most, ...)
  local patterns = { pattern, ... }
  return { expected = expected, check = function(value)
    if type(value) ~= "string" or #value > (most or math.huge) then return false end
    for _, one in ipairs(patterns) do
      if value:find(one) then return true end
    end
    return false
  end }
end

kinds.text = {
  expected = "text", check = function(value) return type(value) == "string" and value ~= "" end,
}

local function is_numeric(kind)
  if kind.numeric then return true end
  for _, choice in ipairs(kind.choices or {}) do
    if choice == kinds.text then return false end
    if is_numeric(choice) then return true end
  end
  return false
end

--- A value after conversion: a number that is given as text.
---@param kind watchbot.template.Kind
---@param value any
---@return any
function kinds.read(kind, value)
  if type(value) == "string" and is_numeric(kind) and not (value:find "[^%d.]") then
    return tonumber(value) or value
  end
  if type(value) ~= "table" or cf.is(value) then return value end
  for _, choice in ipairs(kind.choices or {}) do
    if choice.members then return kinds.read(choice, value) end
  end
  if not kind.members then return value end
  local result = {}
  for name, member in pairs(value) do
    result[name] = kind.members[name] and kinds.read(kind.members[name], member) or member
  end
  return result
end

--- An IAM path.
kinds.path = { expected = "a path like '/watchbot/'", check = function(value)
  return type(value) == "string" and #value <= 512
    and (value == "/" or value:match "^/[!-~]+/$" ~= nil)
end }

--- A KMS key. In an IAM statement the ARN of an alias has no effect: statements are about keys.
-- https://docs.aws.amazon.com/kms/latest/developerguide/cmks-in-iam-policies.html
local KEY = "^arn:aws[%l-]*:kms:[%w-]+:" .. ("%d"):rep(12) .. ":key/[%w-]+$"

kinds.key = { expected = "'create', or the ARN of a KMS key", check = function(value)
  if type(value) ~= "string" then return false end
  if value == "create" or value:match(KEY) then return true end
  if not value:find "alias/" then return false end
  return false, ("expected the ARN of the key, not of an alias, which has no effect in IAM "
    .. "policies, got '%s': "
    .. "aws kms describe-key --key-id %s shows the key's"):format(value, value)
end }

kinds.number = {
  numeric = true, expected = "a number of at least 0",
  check = function(value) return type(value) == "number" and value >= 0 and value < math.huge end,
}

kinds.flag = {
  expected = "true or false", check = function(value) return type(value) == "boolean" end,
}

kinds.table = { expected = "a table", check = function(value) return type(value) == "table" end }

kinds.off = { expected = "false", check = function(value) return value == false end }

return kinds
