--- template.alike: whether two values of two templates will be the same: "same", "different", or
-- "maybe" if that depends on a parameter, a condition, or the stack's account and region.

local normal = require "watchbot.template.normal"

local alike

local function is_unknown(piece) return type(piece) == "table" end

-- Whether only resources of the template are left: two different resources have different values.
local function is_resource(piece, template)
  local id = piece.Ref
    or (type(piece["Fn::GetAtt"]) == "string" and piece["Fn::GetAtt"]:match "^[^.]*")
  return id ~= nil and template.Resources ~= nil and template.Resources[id] ~= nil
end

-- Two intrinsics of the same form have the same value.
local function equal(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for name, value in pairs(a) do
    if not equal(value, b[name]) then return false end
  end
  for name in pairs(b) do
    if a[name] == nil then return false end
  end
  return true
end

-- Cuts the part that two texts have in common at their start; of strings the common prefix.
local function cut_heads(a, b)
  while a[1] ~= nil and b[1] ~= nil do
    if equal(a[1], b[1]) then
      table.remove(a, 1)
      table.remove(b, 1)
    elseif type(a[1]) == "string" and type(b[1]) == "string" then
      local short, long = a, b
      if #a[1] > #b[1] then short, long = b, a end
      if long[1]:sub(1, #short[1]) ~= short[1] then return end
      long[1] = long[1]:sub(#short[1] + 1)
      table.remove(short, 1)
    else
      return
    end
  end
end

local function reversed(list)
  local result = {}
  for index = #list, 1, -1 do
    local piece = list[index]
    result[#result + 1] = type(piece) == "string" and piece:reverse() or piece
  end
  return result
end

local function copy(list) return table.move(list, 1, #list, 1, {}) end

local function depends(list, template)
  for _, piece in ipairs(list) do
    if is_unknown(piece) and not is_resource(piece, template) then return true end
  end
  return false
end

local function alike_texts(a, b, before, after)
  a, b = copy(normal.pieces(a)), copy(normal.pieces(b))
  cut_heads(a, b)
  a, b = reversed(a), reversed(b)
  cut_heads(a, b)
  if #a == 0 and #b == 0 then return "same" end
  if #a == 0 or #b == 0 then
    -- The rest of the other text can only be empty if it has no plain text.
    for _, piece in ipairs(#a == 0 and b or a) do
      if type(piece) == "string" then return "different" end
    end
  end
  return (depends(a, before) or depends(b, after)) and "maybe" or "different"
end

local function alike_tables(a, b, before, after)
  local result, names = "same", {}
  for name in pairs(a) do names[name] = true end
  for name in pairs(b) do names[name] = true end
  for name in pairs(names) do
    local first, second = a[name], b[name]
    if first == nil then first = normal.NOTHING end
    if second == nil then second = normal.NOTHING end
    local one = alike(first, second, before, after)
    if one == "different" then return one end
    if one == "maybe" then result = one end
  end
  return result
end

local function any_choice(a, b, before, after)
  local same, found = true, false
  for _, choice in ipairs(a.choices) do
    local one = alike(choice, b, before, after)
    same, found = same and one == "same", found or one ~= "different"
  end
  return same and "same" or found and "maybe" or "different"
end

local function is_choice(value) return type(value) == "table" and value.choices ~= nil end

local function is_text(value)
  return type(value) == "string"
    or (type(value) == "table" and (value.pieces or value.Ref or value["Fn::GetAtt"]
    or value["Fn::ImportValue"] or value["Fn::FindInMap"] or value["Fn::Select"]
      or value["Fn::Join"])) ~= nil
end

function alike(a, b, before, after)
  if a ~= normal.NOTHING and equal(a, b) or a == b then return "same" end
  if is_choice(a) then return any_choice(a, b, before, after) end
  if is_choice(b) then return any_choice(b, a, after, before) end
  if a == normal.NOTHING or b == normal.NOTHING then return "different" end
  if is_text(a) and is_text(b) then return alike_texts(a, b, before, after) end
  if type(a) == "table" and type(b) == "table" and not is_text(a) and not is_text(b) then
    return alike_tables(a, b, before, after)
  end
  -- A list or a map compared with text: the text may be a parameter that is a list.
  return (is_unknown(a) and is_text(a) or is_unknown(b) and is_text(b)) and "maybe" or "different"
end

--- Compares a value of one template with a value of another.
---@param old any
---@param new any
---@param before table the template of `old`
---@param after table the template of `new`
---@return "same"|"different"|"maybe"
return function(old, new, before, after)
  return alike(normal.of(old, before), normal.of(new, after), before, after)
end
