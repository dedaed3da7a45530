--- text: bytes of unknown origin made fit for people and for JSON.

local text = {}

local REPLACEMENT = "\u{FFFD}"

--- The same text as valid UTF-8: each byte that does not belong becomes U+FFFD.
---@param bytes string
---@return string
function text.clean(bytes)
  if utf8.len(bytes) then return bytes end
  local parts, start = {}, 1
  while start <= #bytes do
    local length, bad = utf8.len(bytes, start)
    if length then
      parts[#parts + 1] = bytes:sub(start)
      break
    end
    parts[#parts + 1] = bytes:sub(start, bad - 1) .. REPLACEMENT
    start = bad + 1
  end
  return table.concat(parts)
end

--- The same text for a mail: valid UTF-8, without control characters but tab and newline, and without the colours that
--- programs write for a terminal.
---@param bytes string
---@return string
function text.plain(bytes)
  local plain = text.clean(bytes):gsub("\27%[[%d;?]*%a", "")
  return (plain:gsub("\r\n", "\n"):gsub("[%z\1-\8\11-\31\127]", REPLACEMENT))
end

--- At most `limit` bytes from the front, never ending within a character.
---@param bytes string
---@param limit integer
---@return string
function text.cut(bytes, limit)
  if #bytes <= limit then return bytes end
  local stop = limit
  while stop > 0 and limit - stop < 4 and (bytes:byte(stop + 1) & 0xC0) == 0x80 do stop = stop - 1 end
  return bytes:sub(1, stop)
end

return text
