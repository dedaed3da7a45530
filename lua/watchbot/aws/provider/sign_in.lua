--- provider.sign_in: the files in which AWS's tools cache a person's sign-in: one JSON object each.
-- A file is replaced as a whole and readable by its owner only, as the AWS CLI writes it.

local core = require "watchbot.core"
local json = require "watchbot.lib.json"
local read_file = require "watchbot.aws.read_file"

-- rw-------
local PRIVATE <const> = 384

local sign_in = {}

--- Reads a file.
---@param path string
---@return table? content
---@return string? why
function sign_in.read(path)
  local text, why = read_file(path)
  if not text then return nil, why end
  local content = json.decode(text, true)
  if type(content) ~= "table" or json.is_list(content) then return nil, "it is not JSON" end
  return content
end

--- Replaces a file.
---@param path string
---@param content table
---@return true? ok
---@return string? err
---@return string? code
function sign_in.write(path, content)
  local text, err, code = json.encode(content)
  if not text then return nil, err, code end
  local beside = ("%s.%s"):format(path, core.aws.uuid())
  local ok
  ok, err, code = core.file.create(beside, text, PRIVATE)
  if not ok then return nil, err, code end
  ok, err = os.rename(beside, path)
  if ok then return true end
  os.remove(beside)
  return nil, err, "WriteFailed"
end

return sign_in
