--- template.merge: several templates as one. Nothing is overwritten: two resources of one name are a mistake, and both owners
-- are named. What is the same in both (an output, a parameter) is there once.

local refusal = require "watchbot.refusal"
local same = require "watchbot.template.same"

-- Whom something is from: which argument, and what a template says of itself.
local function owner_of(template, index)
  local meta = getmetatable(template)
  if type(meta) ~= "table" or meta.__name ~= "watchbot.template" then return ("argument %d"):format(index) end
  return ("argument %d (watchbot.template, prefix '%s')"):format(index, template.ref.id "")
end

local function clash(what, first, second)
  return ("merge: %s is in %s and in %s: rename one, or give one watcher another 'prefix'"):format(what, first, second)
end

---@class watchbot.template.Merged
---@field made table the template
---@field owners table<string, string> of "Section Name"

-- => what is wrong, if anything, and the name in question
local function add_section(merged, section, entries, owner)
  merged.made[section] = merged.made[section] or {}
  local target = merged.made[section]
  for name, value in pairs(entries) do
    local key = section .. " " .. tostring(name)
    if target[name] ~= nil and (section == "Resources" or not same(target[name], value)) then
      return clash(("'%s' of %s"):format(tostring(name), section), merged.owners[key], owner), tostring(name)
    end
    merged.owners[key] = merged.owners[key] or owner
    target[name] = value
  end
end

local function add_transforms(merged, value)
  local all = type(merged.made.Transform) == "table" and merged.made.Transform or { merged.made.Transform }
  for _, name in ipairs(type(value) == "table" and value or { value }) do
    local known = false
    for _, other in ipairs(all) do known = known or same(other, name) end
    if not known then all[#all + 1] = name end
  end
  merged.made.Transform = #all == 1 and all[1] or all
end

local function add(merged, section, value, owner)
  if section == "Transform" then return add_transforms(merged, value) end
  if type(value) == "table" then return add_section(merged, section, value, owner) end
  local known = merged.made[section]
  if known ~= nil and known ~= value then return clash(("'%s'"):format(section), merged.owners[section], owner), section end
  merged.made[section], merged.owners[section] = value, owner
end

local function sorted_keys(template)
  local keys = {}
  for key in pairs(template) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

--- Merges templates; the arguments stay as they are. Raises when two have different things of one name.
---@param ... table templates
---@return table template
local function merge(...)
  local merged = { made = {}, owners = {} }
  for index = 1, select("#", ...) do
    local template = select(index, ...)
    if type(template) ~= "table" then
      refusal.raise(("merge: argument %d: expected a template, got %s"):format(index, refusal.shown(template)), "merge", 1)
    end
    local owner = owner_of(template, index)
    for _, section in ipairs(sorted_keys(template)) do
      local problem, name = add(merged, section, template[section], owner)
      if problem then refusal.raise(problem, name, 1) end
    end
  end
  return merged.made
end

return merge
