--- read_file: a whole small file, or the system's error.

--- Reads a file.
---@param path string
---@return string? text
---@return string? why "no such file or directory"
local function read_file(path)
  local file, problem = io.open(path, "rb")
  if not file then return nil, (problem:sub(#path + 3):lower()) end
  local text
  text, problem = file:read "a"
  file:close()
  return text, problem and problem:lower()
end

return read_file
