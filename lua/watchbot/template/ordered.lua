--- template.ordered: the order in which a template is written: sections as in AWS's documentation,
-- the type of a resource first, and everything else by name, so that two runs write the same bytes
-- and a diff shows what has changed.

local json = require "watchbot.lib.json"
local list = require "watchbot.lib.list"

local ordered = {}

local function ranks(names)
  local rank = {}
  for index, name in ipairs(names) do rank[name] = index end
  return rank
end

local sections = ranks {
  "AWSTemplateFormatVersion", "Description", "Metadata", "Transform", "Parameters", "Rules",
  "Mappings", "Conditions",
  "Resources", "Outputs",
}

local of_an_entry = ranks { "Type", "Condition", "DependsOn" }

local no_rank = {}

-- Depth 0 is the template, 1 a section, 2 an entry of one: a resource, a parameter.
local by_depth = { [0] = sections, [2] = of_an_entry }

--- The keys of a map in the order in which they are written.
---@param map table
---@param depth integer
---@return string[]
function ordered.keys(map, depth)
  local rank, keys = by_depth[depth] or no_rank, {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    local first, second = rank[a] or math.huge, rank[b] or math.huge
    if first ~= second then return first < second end
    return a < b
  end)
  return keys
end

local writable = { string = true, number = true, boolean = true, table = true }

local function problem_of(value, path, above)
  if not writable[type(value)] and value ~= json.null then
    return ("%s: a %s cannot be in a template"):format(path, type(value))
  end
  if type(value) == "string" and not utf8.len(value) then
    return ("%s: the text is not UTF-8"):format(path)
  end
  if type(value) == "number" and (value ~= value or value == math.huge or value == -math.huge) then
    return ("%s: %s cannot be in a template"):format(path, value)
  end
  if type(value) ~= "table" then return nil end
  if above[value] then return path .. ": the table contains itself" end
  above[value] = true
  local listed, count = list.written(value), 0
  for key, item in pairs(value) do
    count = count + 1
    if math.type(key) ~= "integer" and listed or type(key) ~= "string" and not listed then
      return ("%s: a table is a list or has names, not both ('%s')"):format(path, tostring(key))
    end
    local problem = problem_of(item,
      path == "" and tostring(key) or ("%s.%s"):format(path, key), above)
    if problem then return problem end
  end
  -- Items after a hole would not be written.
  if listed and count > 0 and (count ~= #value or value[count] == nil) then
    return ("%s: the list has a hole (a nil in it)"):format(path)
  end
  above[value] = nil
end

--- The part of a template that cannot be written, with its path: "Resources.Queue.Properties".
---@param template table
---@return string? problem
function ordered.problem(template)
  return problem_of(template, "", {})
end

return ordered
