--- template.diff: what an update of a stack would do, from the template that is deployed to a new one. It compares what is
-- written: a change of a parameter's value is not seen.

local ordered = require "watchbot.template.ordered"
local replacement = require "watchbot.template.replacement"
local same = require "watchbot.template.same"

---@class watchbot.template.Change
---@field id string logical id
---@field type string of the resource, as it is deployed
---@field what "added"|"removed"|"changed"|"replaced"
---@field paths string[] what differs: "Properties.QueueName"
---@field values table<string, any[]> by path: before, after; nil where there is none
---@field loses string? what is lost with the old resource

-- Members of both, by name.
local function keys_of(a, b)
  local all = {}
  for key in pairs(a) do all[key] = true end
  for key in pairs(b) do all[key] = true end
  return ordered.keys(all, 1)
end

-- Attributes of a resource, and its properties one by one.
local function compare(before, after)
  local paths, values = {}, {}
  local function note(path, old, new)
    paths[#paths + 1], values[path] = path, { old, new }
  end
  for _, name in ipairs(keys_of(before, after)) do
    local old, new = before[name], after[name]
    if name == "Properties" then
      for _, property in ipairs(keys_of(old or {}, new or {})) do
        local first, second = (old or {})[property], (new or {})[property]
        if not same(first, second) then note("Properties." .. property, first, second) end
      end
    elseif not same(old, new) then
      note(name, old, new)
    end
  end
  return paths, values
end

local function is_replaced(before, after, paths)
  if before.Type ~= after.Type then return true end
  local properties = replacement.properties[before.Type] or {}
  for _, path in ipairs(paths) do
    if properties[path:match "^Properties%.(.*)" or ""] then return true end
  end
  return false
end

local function lost(resource, policy)
  if resource[policy] == "Retain" or resource[policy] == "Snapshot" then return nil end
  return replacement.loses[resource.Type]
end

local function change_of(id, before, after)
  if not before then return { id = id, type = after.Type, what = "added", paths = {}, values = {} } end
  if not after then
    return { id = id, type = before.Type, what = "removed", paths = {}, values = {}, loses = lost(before, "DeletionPolicy") }
  end
  local paths, values = compare(before, after)
  if #paths == 0 then return nil end
  local replaced = is_replaced(before, after, paths)
  return {
    id = id, type = before.Type, what = replaced and "replaced" or "changed", paths = paths, values = values,
    loses = replaced and lost(before, "UpdateReplacePolicy") or nil,
  }
end

--- The changes of resources, by logical id.
---@param deployed table template
---@param new table template
---@return watchbot.template.Change[]
return function(deployed, new)
  local before, after, changes = deployed.Resources or {}, new.Resources or {}, {}
  for _, id in ipairs(keys_of(before, after)) do changes[#changes + 1] = change_of(id, before[id], after[id]) end
  return changes
end
