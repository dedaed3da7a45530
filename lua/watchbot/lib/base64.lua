--- base64: bytes as text (RFC 4648, section 4), for JSON that must preserve every byte.

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local digits, values = {}, {}
for index = 1, #ALPHABET do
  local digit = ALPHABET:sub(index, index)
  digits[index - 1], values[digit:byte()] = digit, index - 1
end

local base64 = {}

local function encode_three(bytes)
  local a, b, c = bytes:byte(1, 3)
  local bits = a << 16 | (b or 0) << 8 | (c or 0)
  return digits[bits >> 18] .. digits[bits >> 12 & 63] .. (b and digits[bits >> 6 & 63] or "=")
    .. (c and digits[bits & 63] or "=")
end

---@param bytes string
---@return string
function base64.encode(bytes)
  return (bytes:gsub("..?.?", encode_three))
end

local function decode_four(a, b, c, d)
  local bits = values[a] << 18 | values[b] << 12 | (values[c] or 0) << 6 | (values[d] or 0)
  local bytes = string.char(bits >> 16, bits >> 8 & 255, bits & 255)
  return bytes:sub(1, (values[c] and 1 or 0) + (values[d] and 1 or 0) + 1)
end

---@param text string
---@return string? bytes nil if the text is not base64
function base64.decode(text)
  if #text % 4 ~= 0 or not text:find "^[%w+/]*=?=?$" then return nil end
  return (text:gsub("....", function(four) return decode_four(four:byte(1, 4)) end))
end

return base64
