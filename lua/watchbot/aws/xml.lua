--- xml: the responses of AWS's Query services as Lua tables. Sits on LuaExpat.
-- Elements become fields, repeated ones and `member`s lists, `entry`s with key and value maps; all
-- values are text, because only the caller knows their types. An empty element, or one with only
-- spaces, is "", which `#` and `ipairs` also treat as an empty list. A document type is refused,
-- and with it entities that expand (AWS's responses have none).

local lxp = require "lxp"

local DEEPEST = 100

local xml = {}

local function all_are(children, name)
  for _, child in ipairs(children) do
    if child.name ~= name then return false end
  end
  return true
end

local function as_list(children)
  local list = {}
  for index, child in ipairs(children) do list[index] = child.value end
  return list
end

local function as_map(children)
  local map = {}
  for _, child in ipairs(children) do
    local entry = child.value
    if type(entry) ~= "table" or type(entry.key) ~= "string" then return nil end
    map[entry.key] = entry.value or ""
  end
  return map
end

local function as_fields(children)
  local fields, lists = {}, {}
  for _, child in ipairs(children) do
    local name, before = child.name, fields[child.name]
    if before == nil then
      fields[name] = child.value
    elseif lists[name] then
      before[#before + 1] = child.value
    else
      fields[name], lists[name] = { before, child.value }, true
    end
  end
  return fields
end

-- The content of an element becomes its value.
local function value_of(element)
  local children = element.children
  if #children == 0 then
    local text = table.concat(element.text)
    return text:find "%S" and text or ""
  end
  if all_are(children, "member") then return as_list(children) end
  return all_are(children, "entry") and as_map(children) or as_fields(children)
end

local function new_element(name)
  return { name = name:match "^.*|(.*)$" or name, text = {}, children = {} }
end

-- The path from the root to the parser's position.
local function handlers(document)
  local path = document.path
  local function stop(parser, problem)
    document.problem = problem
    parser:stop()
  end
  return {
    StartElement = function(parser, name)
      if #path == DEEPEST then return stop(parser, "nested too deeply") end
      path[#path + 1] = new_element(name)
    end,
    CharacterData = function(_, text)
      local element = path[#path]
      element.text[#element.text + 1] = text
    end,
    EndElement = function()
      local element = table.remove(path)
      local parent = path[#path]
      element.value = value_of(element)
      if parent then
        parent.children[#parent.children + 1] = element
      else
        document.root = element
      end
    end,
    StartDoctypeDecl = function(parser) stop(parser, "it has a document type") end,
  }
end

--- The root's name, without its namespace, and what is in it.
---@param text string
---@return string? root
---@return table|string value, or an error that does not quote the text
---@return string? code "InvalidXml"
function xml.decode(text)
  local document = { path = {} }
  local parser = lxp.new(handlers(document), "|")
  local ok, problem = parser:parse(text)
  if ok then ok, problem = parser:parse() end
  if ok then parser:close() end -- a failed one raises here, and is collected
  if ok and document.root then return document.root.name, document.root.value end
  return nil, "not XML: " .. (document.problem or problem or "no element found"), "InvalidXml"
end

return xml
