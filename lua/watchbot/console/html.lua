--- console.html: the only way from text to HTML. A template is a literal of this program; what
-- fills its places is escaped, unless it is the result of another template. A place may only be in
-- text or in a quoted attribute; an address (`href`, `action`, `src`) takes a link of this console
-- and nothing else, so that no text can become a script.

local percent = require "watchbot.lib.percent"
local text = require "watchbot.lib.text"

---@class watchbot.Html
---@field bytes string
local Html = {}
Html.__index = Html
Html.__name = "watchbot.html"
function Html:__tostring() return self.bytes end

---@class watchbot.HtmlLink
---@field address string
local Link = {}
Link.__index = Link

local html = {}

local ESCAPES = {
  ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;",
}

--- Text with HTML's characters escaped. Control characters, and those that change the direction of
--- text, are shown as escapes.
---@param value string
---@return string
function html.escape(value)
  return (text.plain(value):gsub("[&<>\"']", ESCAPES))
end

-- templates

local ADDRESSES = { href = true, action = true, src = true, formaction = true }

-- What may not be filled: the value would be code.
local function is_code(attribute)
  return attribute:find "^on" ~= nil or attribute == "style" or attribute == "srcdoc"
end

-- Where a place is, by the template before it.
local function context_of(before)
  local open = before:match "^.*()<"
  if not open or before:find(">", open, true) then return "text" end
  local attribute, value = before:sub(open):match '([%w%-]+)="([^"]*)$'
  attribute = attribute and attribute:lower()
  if not attribute then error("a place in a tag must be in a quoted attribute: " .. before, 3) end
  if is_code(attribute) then error(("attribute '%s' cannot be filled"):format(attribute), 3) end
  if not ADDRESSES[attribute] then return "attribute" end
  if value ~= "" then error(("attribute '%s' has to be one link"):format(attribute), 3) end
  return "address"
end

local fill = {}

function fill.text(value)
  if getmetatable(value) == Html then return value.bytes end
  if type(value) ~= "table" then return html.escape(tostring(value)) end
  local parts = {}
  for index, one in ipairs(value) do parts[index] = fill.text(one) end
  return table.concat(parts)
end

function fill.attribute(value)
  if type(value) == "table" then error("an attribute takes text", 0) end
  return html.escape(tostring(value))
end

function fill.address(value)
  if getmetatable(value) ~= Link then error("an address takes a link of the console", 0) end
  return html.escape(value.address)
end

-- "<b>{name}</b>{rest?}" => { "<b>", { name, context, optional }, "</b>" ... }
local function parse(source)
  local parts, position = {}, 1
  for before, name, optional, after in source:gmatch "()%{([%w_]+)(%??)%}()" do
    parts[#parts + 1] = source:sub(position, before - 1)
    -- Places before this one are text by now.
    local context = context_of((source:sub(1, before - 1):gsub("%b{}", "")))
    parts[#parts + 1] = { name = name, fill = fill[context], optional = optional == "?" }
    position = after
  end
  parts[#parts + 1] = source:sub(position)
  return parts
end

local function value_of(part, values)
  local value = values[part.name]
  if value ~= nil and value ~= false then return part.fill(value) end
  if not part.optional then error(("nothing was given for '{%s}'"):format(part.name), 3) end
  return ""
end

--- Makes a template. `{name}` is a place; `{name?}` one that may stay empty. Raises an error where
--- a place is not allowed.
---@param source string a literal of the program
---@return fun(values: table<string, any>?): watchbot.Html
function html.template(source)
  local parts = parse((source:gsub("\n%s*", "\n")))
  return function(values)
    local out = {}
    for index, part in ipairs(parts) do
      out[index] = type(part) == "string" and part or value_of(part, values or {})
    end
    return setmetatable({ bytes = table.concat(out) }, Html)
  end
end

-- links

--- A link within the console.
---@param path string a literal of the program, behind the console's own path
---@param ... any names and values of the query; those without a value are left out
---@return watchbot.HtmlLink
function html.link(path, ...)
  local query, given = {}, table.pack(...)
  for index = 1, given.n, 2 do
    local value = given[index + 1]
    if value ~= nil and value ~= false and value ~= "" then
      query[#query + 1] = given[index] .. "=" .. percent.encode(tostring(value))
    end
  end
  local address = path .. (#query > 0 and "?" .. table.concat(query, "&") or "")
  return setmetatable({ address = address }, Link)
end

return html
