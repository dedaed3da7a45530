--- opened: io.open, with its error in the form of all others: "'jobs': no such file or directory".
-- Lua puts the bare path before the system's words, which begin with a capital letter.

local text = require "watchbot.lib.text"

--- Opens a file.
---@param path string
---@param mode string? as of io.open; default "rb"
---@return file*? file
---@return string? err with the path
local function opened(path, mode)
  local file, err = io.open(path, mode or "rb")
  if file then return file end
  return nil, ("'%s': %s"):format(text.word(path), err:match "[^:]*$":gsub("^ ", ""):lower())
end

return opened
