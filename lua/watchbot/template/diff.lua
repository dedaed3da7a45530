--- template.diff: what an update of a stack would change, from the deployed template to a new one.
-- Compares values, not how they are written. Does not see changed values of parameters; a value
-- that depends on a parameter "may be the same".

local alike = require "watchbot.template.alike"
local ordered = require "watchbot.template.ordered"
local replacement = require "watchbot.template.replacement"
local taken = require "watchbot.template.taken"
local vanishing = require "watchbot.template.vanishing"

---@class watchbot.template.Change
---@field id string logical id
---@field type string of the resource, as it is deployed
---@field what "added"|"removed"|"changed"|"replaced"|"refused"
---@field paths string[] differences: "Properties.QueueName"
---@field values table<string, any[]> by path: before, after, nil if absent; `may_be_same`
---@field reason string? why CloudFormation would refuse it
---@field maybe boolean? the resource may be replaced
---@field loses string? data lost with the old resource
---@field meanwhile boolean? lost only while the stack is updated
---@field leaves string? what remains with the old resource, which is kept but no longer belongs to
--- the stack

-- The members of both tables, by name.
local function keys_of(a, b)
  local all = {}
  for key in pairs(a) do all[key] = true end
  for key in pairs(b) do all[key] = true end
  return ordered.keys(all, 1)
end

-- The attributes of a resource, and its properties one by one.
---@class watchbot.template.Pair
---@field before table template
---@field after table template

local function compare(old, new, pair)
  local paths, values = {}, {}
  local function note(path, first, second)
    local how = alike(first, second, pair.before, pair.after)
    if how ~= "same" then
      paths[#paths + 1], values[path] = path, { first, second, may_be_same = how == "maybe" or nil }
    end
  end
  for _, name in ipairs(keys_of(old, new)) do
    if name == "Properties" then
      local first, second = old.Properties or {}, new.Properties or {}
      for _, property in ipairs(keys_of(first, second)) do
        note("Properties." .. property, first[property], second[property])
      end
    else
      note(name, old[name], new[name])
    end
  end
  return paths, values
end

-- Whether the change replaces the resource: true, "maybe" or false.
local function is_replaced(change)
  local properties, result = replacement.properties[change.type], false
  for _, path in ipairs(change.paths) do
    local name = path:match "^Properties%.(.*)"
    if name and properties and properties[name] then
      if not change.values[path].may_be_same then return true end
      result = "maybe"
    elseif name and not properties and not replacement.harmless[change.type]
      and not change.type:match "^Custom::" then
      result = "maybe"
    end
  end
  return result
end

local retained = { Retain = true, RetainExceptOnCreate = true, Snapshot = true }

-- What happens to the data of the old resource. AWS does not document which of the two templates
-- decides at a replacement, so both must retain it.
local function note_fate(change, policy, before, after)
  local holds = replacement.holds(change.type)
  if retained[before[policy]] and retained[after[policy]] then
    change.leaves = holds
  else
    change.loses = holds
  end
  return change
end

local function refuse(change, reason)
  change.what, change.reason = "refused", reason
  return change
end

-- A resource in both templates whose condition no longer holds.
local function note_vanishing(change, pair, before, after)
  local vanishes = vanishing(pair, before, after)
  if not vanishes then return false end
  if not change.values.Condition then
    change.paths[#change.paths + 1] = "Condition"
    change.values.Condition = { (pair.before.Conditions or {})[before.Condition],
      (pair.after.Conditions or {})[after.Condition] }
  end
  change.maybe = vanishes == "maybe" or nil
  change.what = change.maybe and "changed" or "removed"
  note_fate(change, "DeletionPolicy", before, after)
  return true
end

local function change_of(id, pair)
  local before, after = (pair.before.Resources or {})[id], (pair.after.Resources or {})[id]
  if not before then
    local change = { id = id, type = after.Type, what = "added", paths = {}, values = {} }
    local reason = taken.by_another(pair, id)
    return reason and refuse(change, reason) or change
  end
  local change = { id = id, type = before.Type, what = "removed", paths = {}, values = {} }
  if not after then return note_fate(change, "DeletionPolicy", before, before) end
  change.paths, change.values = compare(before, after, pair)
  if before.Type == after.Type and note_vanishing(change, pair, before, after) then
    return change
  end
  if #change.paths == 0 then return nil end
  if before.Type ~= after.Type then
    return refuse(change, "the type of a resource cannot change; choose a new logical id")
  end
  local replaced = is_replaced(change)
  change.what = replaced and "replaced" or "changed"
  if not replaced then return change end
  change.maybe = replaced == "maybe" or nil
  local reason = not change.maybe and (taken.by_itself(pair, id) or taken.by_another(pair, id))
  if reason then return refuse(change, reason) end
  return note_fate(change, "UpdateReplacePolicy", before, after)
end

-- For SNS, a topic's inline subscription and a subscription resource for the same endpoint are one
-- subscription: removing either removes it for both. CloudFormation changes the topic before it
-- creates a new resource, and removes an old resource at the end.
local function subscriptions_of(template)
  local inline, apart = {}, {}
  for id, resource in pairs(template.Resources or {}) do
    local properties = resource.Properties or {}
    if resource.Type == "AWS::SNS::Topic" then
      for _, one in ipairs(properties.Subscription or {}) do
        inline[#inline + 1] = { id = id, endpoint = one.Endpoint }
      end
    elseif resource.Type == "AWS::SNS::Subscription" then
      apart[#apart + 1] = { id = id, endpoint = properties.Endpoint, topic = properties.TopicArn }
    end
  end
  return inline, apart
end

local function moves(inline, apart, first, second)
  return alike(inline.endpoint, apart.endpoint, first, second) ~= "different"
    and alike({ Ref = inline.id }, apart.topic, first, second) ~= "different"
end

local function note_moved(changes, inlines, aparts, first, second, what, text)
  for _, change in ipairs(changes) do
    for _, apart in ipairs(aparts) do
      for _, inline in ipairs(apart.id == change.id and change.what == what and inlines or {}) do
        if moves(inline, apart, first, second) then change.loses, change.meanwhile = text, true end
      end
    end
  end
end

local function note_subscriptions(changes, pair)
  local inline_before, apart_before = subscriptions_of(pair.before)
  local inline_after, apart_after = subscriptions_of(pair.after)
  note_moved(changes, inline_before, apart_after, pair.before, pair.after, "added",
    "CloudFormation removes the topic's own subscription before it creates this one: messages "
      .. "published in between, and after a rollback all messages, are lost")
  note_moved(changes, inline_after, apart_before, pair.after, pair.before, "removed",
    "this also removes the topic's new subscription of the same endpoint: all published messages "
      .. "are lost")
end

--- The changes of resources, by logical id.
---@param deployed table template
---@param new table template
---@return watchbot.template.Change[]
return function(deployed, new)
  local pair, changes = { before = deployed, after = new }, {}
  for _, id in ipairs(keys_of(deployed.Resources or {}, new.Resources or {})) do
    changes[#changes + 1] = change_of(id, pair)
  end
  note_subscriptions(changes, pair)
  return changes
end
