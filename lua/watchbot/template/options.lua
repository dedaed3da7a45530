--- template.options: completes the user's options, or refuses them with the problem and the name to
-- look at.

local cf = require "watchbot.template.cf"
local declared = require "watchbot.template.declared"
local dynamic = require "watchbot.template.dynamic"
local kinds = require "watchbot.template.kinds"
local pages = require "watchbot.template.pages"
local rules = require "watchbot.template.rules"
local suggest = require "watchbot.lib.suggest"

---@class watchbot.template.Options every option of template.declared under its name; nil or false
--- if it is off

local options = {
  declared = declared.options, by_name = {}, names = {}, retired = declared.retired,
}

for index, option in ipairs(options.declared) do
  options.by_name[option.name] = option
  options.names[index] = option.name
end

local function copy(value)
  if type(value) ~= "table" then return value end
  local result = {}
  for key, item in pairs(value) do result[key] = copy(item) end
  return result
end

local function unknown(name)
  if options.retired[name] then
    return ("there is no option '%s': %s"):format(name, options.retired[name])
  end
  return ("unknown option '%s'%s"):format(tostring(name),
    suggest.hint(name, options.names, "see watchbot template --options"))
end

-- Adds the AWS page that defines the option, if there is one.
local function with_page(err, name)
  local page = pages[name]
  if not page or err:find("https://", 1, true) or err:find "^missing" then return err end
  return ("%s (%s)"):format(err, page)
end

-- Whether a value contains text that is not UTF-8, which a template cannot contain.
local function is_garbled(value)
  if type(value) == "string" then return not utf8.len(value) end
  for name, member in pairs(type(value) == "table" and value or {}) do
    if is_garbled(name) or is_garbled(member) then return true end
  end
  return false
end

local function check(name, value)
  local option = options.by_name[name]
  if not option then return unknown(name), tostring(name) end
  if is_garbled(value) then return ("option '%s': the text is not UTF-8"):format(name), name end
  -- `option = condition and value` is false if the condition is.
  if value == false and option.default == nil then return nil end
  local problem, member = kinds.problem(option.kind, value)
  if not problem then return nil end
  return with_page(("option '%s': %s"):format(name, problem), name), member or name
end

-- In the order of the declaration, then unknown options, so that the first error is always the
-- same.
local function names_of(given)
  local names, others = {}, {}
  for _, name in ipairs(options.names) do
    if given[name] ~= nil then names[#names + 1] = name end
  end
  for name in pairs(given) do
    if not options.by_name[name] then others[#others + 1] = name end
  end
  table.sort(others, function(a, b) return tostring(a) < tostring(b) end)
  return table.move(names, 1, #names, #others + 1, others)
end

-- An older name may replace the newer one, but only one of them may be set.
local function resolve(given)
  local result = {}
  for name, value in pairs(given) do
    local alias = options.by_name[name].alias
    if alias and given[alias] ~= nil then
      return nil, ("options '%s' and '%s' are aliases: keep one of them"):format(
        alias, name), name
    end
    result[alias or name] = copy(value)
  end
  return result
end

-- Numbers may be given as text, as in JSON files and environments; ecs-watchbot used 0 for no soft
-- limit.
local function readable(given)
  local result = {}
  for name, value in pairs(given) do
    local option = options.by_name[name]
    result[name] = dynamic.called(option and kinds.read(option.kind, value) or value)
  end
  for _, name in ipairs { "reservation", "watcherReservation" } do
    local reservation = result[name]
    if type(reservation) == "table" and reservation.softMemory == 0 then
      result[name] = copy(reservation)
      result[name].softMemory = nil
    end
  end
  return result
end

local function fill(complete)
  for _, option in ipairs(options.declared) do
    if complete[option.name] == nil and not option.alias then
      complete[option.name] = copy(option.default)
    end
  end
  if complete.table then complete.reduce = true end
  if complete.kmsKey == "create" then
    complete.createsKey, complete.kmsKey = true, cf.getatt(complete.prefix .. "Key", "Arn")
  end
  return complete
end

-- The result of a rule as an error of `complete`.
local function refused(err, name, page)
  if err then return with_page(err, page or name), name end
end

-- => the problem with a single option, and its name
local function each_problem(given)
  for _, name in ipairs(names_of(given)) do
    local problem, at = check(name, given[name])
    if problem then return problem, at end
  end
  return refused(rules.modes(given, options))
end

--- Completes the options.
---@param given table<string, any>
---@return watchbot.template.Options? complete
---@return string? err
---@return string? name the option, or the member of one, that is at fault
function options.complete(given)
  given = readable(given)
  local err, name = each_problem(given)
  if err then return nil, err, name end
  local complete
  complete, err, name = resolve(given)
  if not complete then return nil, err, name end
  err, name = refused(rules.problem(complete, options))
  if err then return nil, err, name end
  err, name = refused(rules.last(fill(complete)))
  if err then return nil, err, name end
  return complete
end

--- The table of options, for printing.
---@param form "text"|"markdown"
---@return string
function options.describe(form)
  return require "watchbot.template.describe"(declared, form)
end

return options
