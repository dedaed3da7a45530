--- percent: percent-encoding of text in URLs, queries and forms, for all of the program.
-- https://datatracker.ietf.org/doc/html/rfc3986#section-2.1

local percent = {}

-- What is never encoded: RFC 3986's unreserved characters, as AWS's signatures require.
local RESERVED = "[^%w%-._~]"

local function code_of(byte) return ("%%%02X"):format(byte:byte()) end

local function byte_of(digits) return string.char(tonumber(digits, 16)) end

--- Encodes the bytes that a pattern matches.
---@param text string
---@param bytes string? a Lua pattern for one byte; default: all except letters, digits and "-._~"
---@return string
function percent.encode(text, bytes)
  return (text:gsub(bytes or RESERVED, code_of))
end

--- Decodes; "%" without two hexadecimal digits stays.
---@param text string
---@return string
function percent.decode(text)
  return (text:gsub("%%(%x%x)", byte_of))
end

--- Decodes a name or value of a form, in which "+" is a space.
---@param text string
---@return string
function percent.decode_form(text)
  return percent.decode((text:gsub("%+", " ")))
end

return percent
