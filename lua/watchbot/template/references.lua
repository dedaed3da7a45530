--- template.references: what a value of a template refers to: the resources and parameters of Ref,
-- Fn::GetAtt and Fn::Sub, the conditions of Fn::If, the maps of Fn::FindInMap.
-- https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html

local ordered = require "watchbot.template.ordered"
local sorted = require "watchbot.lib.sorted"

---@class watchbot.template.Reference
---@field kind "Ref"|"GetAtt"|"Condition"|"Mapping"
---@field id string
---@field path string its position: "Resources.Queue.Properties.QueueName"

local references = {}

local walk

local function walk_each(value, path, visit)
  for _, key in ipairs(ordered.keys(value, 3)) do
    -- Counted the way CloudFormation does.
    local name = math.type(key) == "integer" and key - 1 or key
    walk(value[key], path .. "." .. name, visit)
  end
end

local functions = {}

function functions.Ref(id, path, visit)
  visit { kind = "Ref", id = tostring(id), path = path }
end

functions["Fn::GetAtt"] = function(arguments, path, visit)
  local id = type(arguments) == "table" and arguments[1] or arguments
  visit { kind = "GetAtt", id = tostring(id):match "^[^.]*", path = path }
  if type(arguments) == "table" and type(arguments[2]) == "table" then
    walk(arguments[2], path, visit)
  end
end

-- "${!Literal}" is not a reference, "${Id.Attribute}" is Fn::GetAtt.
functions["Fn::Sub"] = function(arguments, path, visit)
  local text, variables = arguments, {}
  if type(arguments) == "table" then text, variables = arguments[1], arguments[2] or {} end
  walk_each(variables, path, visit)
  for name in tostring(text):gmatch "%${([^!}][^}]*)}" do
    if variables[name] == nil then
      visit {
        kind = name:find(".", 1, true) and "GetAtt" or "Ref", id = name:match "^[^.]*", path = path,
      }
    end
  end
end

functions["Fn::If"] = function(arguments, path, visit)
  visit { kind = "Condition", id = tostring(arguments[1]), path = path }
  walk_each({ arguments[2], arguments[3] }, path, visit)
end

functions["Fn::FindInMap"] = function(arguments, path, visit)
  if type(arguments[1]) == "string" then
    visit { kind = "Mapping", id = arguments[1], path = path }
  end
  walk_each(arguments, path, visit)
end

function walk(value, path, visit)
  if type(value) ~= "table" then return end
  local key = next(value)
  local read = next(value, key) == nil and functions[key]
  if read then
    read(value[key], path, visit)
  else
    walk_each(value, path, visit)
  end
end

--- Visits every reference of a value.
---@param value any
---@param path string
---@param visit fun(reference: watchbot.template.Reference)
references.each = walk

--- The conditions that a condition refers to: { Condition = id } at any depth.
---@param value any
---@param path string
---@param visit fun(reference: watchbot.template.Reference)
function references.conditions(value, path, visit)
  if type(value) ~= "table" then return end
  if type(value.Condition) == "string" and next(value, next(value)) == nil then
    visit { kind = "Condition", id = value.Condition, path = path }
  end
  for key, item in pairs(value) do references.conditions(item, path .. "." .. key, visit) end
end

--- The resources that a resource depends on: by its references and by DependsOn.
---@param template table
---@param id string
---@return string[] sorted
function references.needs(template, id)
  local resource, found = template.Resources[id], {}
  walk(resource.Properties or {}, id, function(reference)
    if template.Resources[reference.id] then found[reference.id] = true end
  end)
  local depends = resource.DependsOn
  for _, other in ipairs(type(depends) == "table" and depends or { depends }) do
    if template.Resources[other] then found[other] = true end
  end
  return sorted.keys(found)
end

--- The template's resources by name.
---@param template table
---@return string[]
function references.resources(template)
  return ordered.keys(template.Resources or {}, 1)
end

return references
