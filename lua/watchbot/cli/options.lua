--- cli.options: parses the arguments of a command, by a table that declares its options. `--name
-- value` or `--name=value`; where a command declares a letter for an option, also `-n value` or
-- `-nvalue`. `--` ends them.

local suggest = require "watchbot.lib.suggest"
local text = require "watchbot.lib.text"

local options = {}

---@class watchbot.Option
---@field name string without the dashes
---@field short string? the one-letter form
---@field value string? the value's name in the usage; without it, the option is a flag
---@field many boolean? may be given more than once; its value is a list
---@field choices string[]? the only values; the help names them first
---@field number boolean? the value is a number of at least 0
---@field help string

---@class watchbot.Arguments
---@field words string[] the arguments that are not options
---@field rest string[]? what followed `--`, where a command asks for it; otherwise those are words

local function find(declared, name)
  local names = {}
  for _, option in ipairs(declared) do
    if option.name == name then return option end
    names[#names + 1] = option.name
  end
  return nil, ("unknown option '--%s'%s"):format(text.word(name),
    suggest.hint(name, names, nil, "--"))
end

local function find_short(declared, letter)
  for _, option in ipairs(declared) do
    if option.short == letter then return option end
  end
  return nil, ("unknown option '-%s'; options have two dashes, and '--' ends them"):format(
    text.word(letter))
end

-- => option, the value in the same word | nil, err
local function split(declared, word)
  if not word:match "^%-%-" then
    local option, err = find_short(declared, word:sub(2, 2))
    return option, option and #word > 2 and word:sub(3):gsub("^=", "") or err
  end
  local name, value = word:match "^%-%-([^=]+)=(.*)$"
  local option, err = find(declared, name or word:sub(3))
  return option, option and value or err
end

-- "a, b or c"
local function alternatives(choices)
  local last = #choices
  return table.concat(choices, ", ", 1, last - 1) .. (last > 1 and " or " or "") .. choices[last]
end

local function chosen(option, value)
  for _, choice in ipairs(option.choices) do
    if choice == value then return value end
  end
  return nil, ("option '--%s': expected %s, got '%s'%s"):format(option.name,
    alternatives(option.choices), text.word(value), suggest.hint(value, option.choices))
end

local function checked(option, value)
  if value == nil then
    return nil, ("option '--%s' needs a value: --%s %s"):format(option.name, option.name,
      option.value)
  end
  if option.choices then return chosen(option, value) end
  if not option.number then return value end
  local number = tonumber(value)
  if number and number >= 0 and number < math.huge then return number end
  return nil, ("option '--%s': expected a number of at least 0, got '%s'"):format(option.name,
    text.word(value))
end

local function store(result, option, value)
  if option.many then
    result[option.name] = result[option.name] or {}
    table.insert(result[option.name], value)
  else
    result[option.name] = value
  end
end

-- The option at argv[index]. => option, value, the next index | nil, err
local function read(declared, argv, index)
  local option, given = split(declared, argv[index])
  if not option then return nil, given end
  if not option.value then
    if given then return nil, ("option '--%s' takes no value"):format(option.name) end
    return option, true, index + 1
  end
  local value, err = checked(option, given or argv[index + 1])
  if value == nil then return nil, err end
  return option, value, index + (given and 1 or 2)
end

--- Sorts the arguments into options (by their name) and words.
---@param declared watchbot.Option[]
---@param argv string[]
---@param style { runs_words: boolean?, keeps_rest: boolean? }? the first word ends the options, and
--- the rest are words of a command; or what follows `--` is `rest`
---@return watchbot.Arguments? result
---@return string? err
function options.parse(declared, argv, style)
  local result, index = { words = {} }, 1
  local command = style and style.runs_words
  while index <= #argv do
    local word = argv[index]
    index = index + 1
    if word == "--" then
      local rest = style and style.keeps_rest
      if rest then result.rest = table.move(argv, index, #argv, 1, {}) end
      if not rest then table.move(argv, index, #argv, #result.words + 1, result.words) end
      break
    elseif word == "-h" or word == "--help" then
      result.help = true
    elseif word:match "^%-." then
      local option, value, behind = read(declared, argv, index - 1)
      if not option then return nil, value end
      store(result, option, value)
      index = behind
    else
      table.insert(result.words, word)
      if command then table.move(argv, index, #argv, 2, result.words) end
      if command then break end
    end
  end
  return result
end

--- Reads NAME=VALUE.
---@param pair string
---@return string? name
---@return string value; or an error's text
function options.pair(pair)
  local name, value = pair:match "^([^=]+)=(.*)$"
  if name then return name, value end
  return nil, ("expected NAME=VALUE, got '%s'"):format(text.word(pair))
end

--- What an option is for, with the values it can have.
---@param option watchbot.Option
---@return string
function options.help(option)
  if not option.choices then return option.help end
  return alternatives(option.choices) .. "; " .. option.help
end

--- The options as lines of a usage message.
---@param declared watchbot.Option[]
---@return string
function options.describe(declared)
  local lines = {}
  for _, option in ipairs(declared) do
    local left = (option.short and ("-%s, "):format(option.short) or "") .. "--" .. option.name
    if option.value then left = left .. " " .. option.value end
    lines[#lines + 1] = ("  %-26s %s"):format(left, options.help(option))
  end
  return table.concat(lines, "\n")
end

--- The word of a command that takes exactly one.
---@param arguments watchbot.Arguments
---@param what string "policy"
---@param usage string "watchbot test POLICY.lua --message TEXT"
---@return string? word
---@return string? err
function options.only_word(arguments, what, usage)
  local words = arguments.words
  if #words == 1 then return words[1] end
  if #words == 0 then return nil, ("no %s: %s"):format(what, usage) end
  return nil, ("expected one %s, got '%s': %s"):format(what,
    text.word(table.concat(words, " ")), usage)
end

return options
