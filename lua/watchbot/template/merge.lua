--- template.merge: merges several templates into one. Overwrites nothing: two different resources
-- of the same name are an error that names both owners. An output or parameter that is the same in
-- both appears once.

local refusal = require "watchbot.lib.refusal"
local same = require "watchbot.template.same"
local sorted = require "watchbot.lib.sorted"

-- Where something comes from: the number of the argument, and the template's own description.
local function owner_of(template, index)
  local meta = getmetatable(template)
  if type(meta) ~= "table" or meta.__name ~= "watchbot.template" then
    return ("argument %d"):format(index)
  end
  return ("argument %d (watchbot.template, prefix '%s')"):format(index, template.ref.id "")
end

local function clash(what, first, second)
  return ("merge: %s is in %s and in %s: rename one, or give one watcher another 'prefix'"):format(
    what, first, second)
end

---@class watchbot.template.Merged
---@field made table the template
---@field owners table<string, string> of "Section Name"

-- => the error, if there is one, and the name in question
local function add_section(merged, section, entries, owner)
  merged.made[section] = merged.made[section] or {}
  local target = merged.made[section]
  for _, name in ipairs(sorted.keys(entries)) do
    local key, value = section .. " " .. tostring(name), entries[name]
    if target[name] ~= nil and (section == "Resources" or not same(target[name], value)) then
      return clash(("'%s' of %s"):format(tostring(name), section), merged.owners[key], owner),
        tostring(name)
    end
    merged.owners[key] = merged.owners[key] or owner
    target[name] = value
  end
end

-- A single transform may be its name, or a table with its parameters.
local function transforms_of(value)
  return type(value) == "table" and #value > 0 and value or { value }
end

local function add_transforms(merged, value)
  local before = transforms_of(merged.made.Transform)
  local all = table.move(before, 1, #before, 1, {})
  for _, name in ipairs(transforms_of(value)) do
    local known = false
    for _, other in ipairs(all) do known = known or same(other, name) end
    if not known then all[#all + 1] = name end
  end
  merged.made.Transform = #all == 1 and all[1] or all
end

local function add(merged, section, value, owner)
  if section == "Transform" then return add_transforms(merged, value) end
  local known = merged.made[section]
  local sections = type(value) == "table" and (known == nil or type(known) == "table")
  if known ~= nil and known ~= value and not sections then
    return clash(("'%s'"):format(tostring(section)), merged.owners[section], owner),
      tostring(section)
  end
  merged.owners[section] = merged.owners[section] or owner
  if sections then return add_section(merged, section, value, owner) end
  merged.made[section] = value
end

--- Merges templates; the arguments are not changed. Raises an error if two of them have different
--- things of the same name.
---@param ... table templates
---@return table template
local function merge(...)
  local merged = { made = {}, owners = {} }
  for index = 1, select("#", ...) do
    local template = select(index, ...)
    if type(template) ~= "table" then
      refusal.raise(("merge: argument %d: expected a template, got %s"):format(index,
        refusal.shown(template)), "merge", 1)
    end
    local owner = owner_of(template, index)
    for _, section in ipairs(sorted.keys(template)) do
      local problem, name = add(merged, section, template[section], owner)
      if problem then refusal.raise(problem, name, 1) end
    end
  end
  return merged.made
end

return merge
