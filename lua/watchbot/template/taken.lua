--- template.taken: names that an update cannot give to a new resource, because another resource has
-- them until the end of the update.
-- https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-name.html

local alike = require "watchbot.template.alike"
local replacement = require "watchbot.template.replacement"

local taken = {}

local function name_of(resource)
  local property = resource and replacement.named_by[resource.Type]
  return property and (resource.Properties or {})[property], property
end

-- A deployment may create a stage by name; stage names are unique within one API.
local function stage_of(resource)
  local is_stage = resource.Type == "AWS::ApiGateway::Stage"
    or resource.Type == "AWS::ApiGateway::Deployment"
  local properties = resource.Properties or {}
  if is_stage then return properties.StageName, properties.RestApiId end
end

local function ids_of(template)
  local ids = {}
  for id in pairs(template.Resources or {}) do ids[#ids + 1] = id end
  table.sort(ids)
  return ids
end

local function stage_taken(pair, id)
  local stage, api = stage_of(pair.after.Resources[id])
  if stage == nil then return nil end
  for _, other in ipairs(ids_of(pair.before)) do
    local before, of_api = stage_of(pair.before.Resources[other])
    if other ~= id and before ~= nil and alike(before, stage, pair.before, pair.after) == "same"
      and alike(of_api, api, pair.before, pair.after) ~= "different" then
      return ("the stage's name is taken by '%s': remove the webhook in one update, add it in the "
        .. "next"):format(other)
    end
  end
end

--- Why a resource cannot be created: one with another logical id has its name.
---@param pair watchbot.template.Pair
---@param id string of the new resource
---@return string? reason
function taken.by_another(pair, id)
  local new = pair.after.Resources[id]
  local name, property = name_of(new)
  if name == nil then return stage_taken(pair, id) end
  for _, other in ipairs(ids_of(pair.before)) do
    local old = pair.before.Resources[other]
    local old_name = old.Type == new.Type and name_of(old)
    if other ~= id and old_name and alike(old_name, name, pair.before, pair.after) == "same" then
      return ("its %s is taken by '%s' until the end of the update: give it the logical id '%s', "
        .. "or another name"):format(
        property, other, other)
    end
  end
end

--- Why a resource cannot be replaced: its own name does not change.
---@param pair watchbot.template.Pair
---@param id string
---@return string? reason
function taken.by_itself(pair, id)
  local old, property = name_of(pair.before.Resources[id])
  local new = name_of(pair.after.Resources[id])
  if old == nil or new == nil or alike(old, new, pair.before, pair.after) ~= "same" then
    return nil
  end
  return ("CloudFormation cannot replace a resource with a fixed name: give it another %s"):format(
    property)
end

return taken
