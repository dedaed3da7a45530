--- cli.project.files: writes the files of a new project into a folder: all of them, or none. Each
-- file's text is a module in this folder, for both modes.

local core = require "watchbot.core"
local lambda = require "watchbot.cli.project.lambda"
local process = require "watchbot.process"
local service = require "watchbot.cli.project.service"
local version = require "watchbot.version"

local project = {}

local names = { "policy", "worker", "spec", "stack", "dockerfile", "readme", "gitignore", "luarc" }

--- The service's name: its folder's name, reduced to characters that are valid in all of AWS.
---@param folder string
---@return string
function project.name(folder)
  local path = core.empty.real(folder) or folder
  local last = path:gsub("/+$", ""):match "[^/]*$" or ""
  local name = last:lower():gsub("[^%w]+", "-"):gsub("^[%d-]+", ""):gsub("%-$", "")
  return name ~= "" and name or "jobs"
end

---@class watchbot.project.File
---@field path string within the folder
---@field text string
---@field executable boolean?

-- The files as they are written here: with names in @ signs, which are put in later.
local function parts(mode)
  if lambda.languages[mode] then return lambda.files(mode) end
  local files = {}
  for index, part in ipairs(names) do
    local module = require("watchbot.cli.project." .. part)
    files[index] = { path = module.path, text = module[mode], executable = module.executable }
  end
  return files
end

local function add_service(files)
  for _, file in ipairs(files) do
    if file.path == "README.md" then file.text = file.text .. service.readme end
  end
  files[#files + 1] = { path = service.path, text = service.text }
end

--- The files of a project.
---@param mode "task"|"process"|"python"|"node" how its stack runs tasks, or the language of its
--- Lambda function
---@param name string of the service
---@param systemd boolean? with a unit of systemd's
---@return watchbot.project.File[]
function project.files(mode, name, systemd)
  local words = { NAME = name, VERSION = version }
  local files = parts(mode)
  if systemd then add_service(files) end
  for _, file in ipairs(files) do
    file.path = file.path:gsub("@(%u+)@", words)
    file.text = file.text:gsub("@(%u+)@", words)
  end
  return files
end

local ABSENT = { ENOENT = true, ENOTDIR = true }

-- The files that already exist, readable or not; a dangling link exists, too.
local function existing(folder, files)
  local found = {}
  for _, file in ipairs(files) do
    local path = folder .. "/" .. file.path
    local status, _, code = core.file.status(path)
    if status or not ABSENT[code] then found[#found + 1] = path end
  end
  return found
end

-- Lua has no functions for folders and modes.
local function call(...)
  local child <close>, err, code = process.start { argv = { ... }, output = "capture" }
  if not child then return nil, err, code end
  local exit = child:wait()
  if exit.code == 0 then return true end
  return nil, (select(2, child:output()):gsub("%s+$", "")), "Failed"
end

local function write(folder, file)
  local path = folder .. "/" .. file.path
  local parent = path:match "^(.*)/"
  local ok, err, code = call("mkdir", "-p", "--", parent)
  if not ok then
    -- "mkdir: cannot create directory 'tiles': Permission denied"
    return nil, ("could not create '%s': %s"):format(parent,
      err:match "[^:]*$":gsub("^ ", ""):lower()), code
  end
  return core.file.create(path, file.text, file.executable)
end

--- Writes the files into a folder, which is created. Nothing is overwritten: if one file exists,
--- none is written. Waits in a task.
---@param folder string
---@param files watchbot.project.File[]
---@return true? ok
---@return string? err
---@return string? code "Exists", "Failed"
function project.write(folder, files)
  local found = existing(folder, files)
  if #found > 0 then
    return nil, ("nothing was written: already exists: %s"):format(table.concat(found,
      ", ")), "Exists"
  end
  for index, file in ipairs(files) do
    local ok, err, code = write(folder, file)
    if not ok then
      for written = 1, index - 1 do os.remove(folder .. "/" .. files[written].path) end
      return nil, "nothing was written: " .. err, code
    end
  end
  return true
end

return project
