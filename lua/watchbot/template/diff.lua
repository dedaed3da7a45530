--- template.diff: what an update of a stack would do, from the template that is deployed to a new one. It compares what is
-- written: a change of a parameter's value is not seen.

local ordered = require "watchbot.template.ordered"
local replacement = require "watchbot.template.replacement"
local same = require "watchbot.template.same"

---@class watchbot.template.Change
---@field id string logical id
---@field type string of the resource, as it is deployed
---@field what "added"|"removed"|"changed"|"replaced"|"refused"
---@field paths string[] what differs: "Properties.QueueName"
---@field values table<string, any[]> by path: before, after; nil where there is none
---@field loses string? what is lost with the old resource
---@field leaves string? what is left with the old resource, which stays but is no longer the stack's

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

local function is_replaced(before, paths)
  local properties = replacement.properties[before.Type] or {}
  for _, path in ipairs(paths) do
    if properties[path:match "^Properties%.(.*)" or ""] then return true end
  end
  return false
end

local retained = { Retain = true, RetainExceptOnCreate = true, Snapshot = true }

-- What becomes of what the old resource holds. Which of two templates has the say in a replacement AWS does not tell, so both
-- have to retain it.
local function note_fate(change, policy, before, after)
  local holds = replacement.loses[before.Type]
  if retained[before[policy]] and retained[after[policy]] then change.leaves = holds else change.loses = holds end
  return change
end

local function change_of(id, before, after)
  if not before then return { id = id, type = after.Type, what = "added", paths = {}, values = {} } end
  local change = { id = id, type = before.Type, what = "removed", paths = {}, values = {} }
  if not after then return note_fate(change, "DeletionPolicy", before, before) end
  change.paths, change.values = compare(before, after)
  if #change.paths == 0 then return nil end
  -- Of another type: "Update of resource type is not permitted".
  if before.Type ~= after.Type then
    change.what = "refused"
    return change
  end
  if not is_replaced(before, change.paths) then
    change.what = "changed"
    return change
  end
  change.what = "replaced"
  return note_fate(change, "UpdateReplacePolicy", before, after)
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
