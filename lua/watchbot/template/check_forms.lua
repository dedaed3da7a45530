--- template.check_forms: checks the form of the entries in a template's sections, which
-- CloudFormation requires whatever the properties of a resource are.
-- https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html

local cf = require "watchbot.template.cf"
local limits = require "watchbot.lib.limits"
local ordered = require "watchbot.template.ordered"
local suggest = require "watchbot.lib.suggest"

local GUIDE = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"

local LONGEST = limits.cloudformation.description

local function set(words)
  local known = {}
  for word in words:gmatch "%S+" do known[word] = true end
  return known
end

local members = {
  Parameters = set [[AllowedPattern AllowedValues ConstraintDescription Default Description
    MaxLength MaxValue MinLength MinValue NoEcho Type]],
  Outputs = set "Condition Description Export Value",
}

local needed = { Parameters = "Type", Outputs = "Value" }
local pages = { Parameters = "parameters-section-structure.html",
  Outputs = "outputs-section-structure.html" }

local policies = {
  DeletionPolicy = set "Delete Retain RetainExceptOnCreate Snapshot",
  UpdateReplacePolicy = set "Delete Retain Snapshot",
}

local function each(section)
  local ids, index = ordered.keys(type(section) == "table" and section or {}, 1), 0
  return function()
    index = index + 1
    if ids[index] then return ids[index], section[ids[index]] end
  end
end

local function check_description(where, value, find)
  if type(value) == "string" and #value > LONGEST then
    find(where, "it has %d bytes, CloudFormation takes at most %d (%s)", #value, LONGEST,
      GUIDE .. "cloudformation-limits.html")
  end
end

local function check_members(section, where, entry, find)
  local names = ordered.keys(members[section], 1)
  for name in each(entry) do
    if not members[section][name] then
      find(where, "unknown member '%s'%s", name,
        suggest.hint(name, names, GUIDE .. pages[section]))
    end
  end
  if entry[needed[section]] == nil then
    find(where, "'%s' is missing (%s)", needed[section], GUIDE .. pages[section])
  end
  check_description(where .. ".Description", entry.Description, find)
end

local function check_entries(template, section, find)
  for id, entry in each(template[section]) do
    local where = section .. "." .. id
    if type(entry) == "table" then
      check_members(section, where, entry, find)
    else
      find(where, "expected a table, got a %s", type(entry))
    end
  end
end

-- A name is exported once in an account and region.
local function check_exports(template, find)
  local owner = {}
  for id, output in each(template.Outputs) do
    local name = type(output) == "table" and type(output.Export) == "table" and output.Export.Name
    if type(name) == "string" and owner[name] then
      find("Outputs." .. id .. ".Export", "'%s' is exported by '%s' already (%s)", name,
        owner[name], GUIDE .. pages.Outputs)
    end
    if type(name) == "string" then owner[name] = owner[name] or id end
  end
end

local function check_policies(template, find)
  for id, resource in each(template.Resources) do
    for attribute, values in each(policies) do
      local value = type(resource) == "table" and resource[attribute]
      if type(value) == "string" and not values[value] then
        find("Resources." .. id .. "." .. attribute, "expected one of %s, got '%s' (%s)",
          table.concat(ordered.keys(values, 1), ", "), value,
          GUIDE .. "aws-attribute-" .. attribute:lower() .. ".html")
      end
    end
  end
end

-- => the part of Fn::FindInMap, with plain keys, that does not exist
local function missing_key(mappings, path)
  local at = mappings
  for _, key in ipairs(path) do
    if type(at) ~= "table" or cf.is(key) or type(key) ~= "string" then return nil end
    at = at[key]
    if at == nil then return key end
  end
end

local function check_maps(value, where, mappings, find)
  if type(value) ~= "table" then return end
  local path = value["Fn::FindInMap"]
  -- A fourth argument is the default of AWS::LanguageExtensions.
  if type(path) == "table" and not path[4] and mappings[path[1]] then
    local key = missing_key(mappings, path)
    if key then find(where, "the mapping '%s' has no key '%s'", path[1], key) end
  end
  for name, member in each(value) do
    check_maps(member, where .. "." .. (type(name) == "number" and name - 1 or name), mappings,
      find)
  end
end

--- Adds the problems found.
---@param template table
---@param find fun(where: string, format: string, ...)
return function(template, find)
  check_description("Description", template.Description, find)
  check_entries(template, "Parameters", find)
  check_entries(template, "Outputs", find)
  check_exports(template, find)
  check_policies(template, find)
  for _, section in ipairs { "Conditions", "Resources", "Outputs" } do
    check_maps(template[section], section, template.Mappings or {}, find)
  end
end
