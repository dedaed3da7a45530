--- whole_file: the text of a file that people write by hand or save: a policy, a message, a stack.
-- It is bounded: a device like /dev/zero, or a log that was named by mistake, has no end.

local LARGEST = 16 << 20

--- Reads a file.
---@param path string "-": standard input
---@return string? text
---@return string? err with the path
local function whole_file(path)
  local file, err = io.stdin, nil
  if path ~= "-" then file, err = io.open(path, "rb") end
  if not file then return nil, err end
  local text, problem = file:read(LARGEST + 1)
  if path ~= "-" then file:close() end
  if problem then
    local why = problem == "Is a directory" and "is it a folder?" or problem
    return nil, ("%s: %s"):format(path, why)
  end
  if text and #text > LARGEST then
    return nil, ("%s: it has more than %d MiB"):format(path, LARGEST >> 20)
  end
  return text or ""
end

return whole_file
