--- whole_file: the text of a file that people write by hand or save: a policy, a message, a stack.
-- It is bounded: a device like /dev/zero, or a log that was named by mistake, has no end.

local opened = require "watchbot.lib.opened"
local text = require "watchbot.lib.text"

local LARGEST = 16 << 20

--- Reads a file.
---@param path string "-": standard input
---@return string? text
---@return string? err with the path
local function whole_file(path)
  local file, err = io.stdin, nil
  if path ~= "-" then file, err = opened(path) end
  if not file then return nil, err end
  local content, problem = file:read(LARGEST + 1)
  if path ~= "-" then file:close() end
  if problem then
    return nil, ("'%s': %s"):format(text.word(path), problem:lower())
  end
  if content and #content > LARGEST then
    return nil, ("'%s': it has more than %d MiB"):format(text.word(path), LARGEST >> 20)
  end
  return content or ""
end

return whole_file
