--- cli.project.files: the files of a new project. Their texts are beside this file, one module a
-- file, each for both modes; here only how they come to be in a folder: all of them, or none.

local core = require "watchbot.core"
local process = require "watchbot.process"

local project = {}

local names = { "policy", "worker", "spec", "stack", "dockerfile", "readme", "gitignore" }

--- A name for the service, of letters that every part of AWS takes, by that of its folder.
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

--- The files of a project.
---@param mode "task"|"process" how its stack runs tasks
---@param name string of the service
---@return watchbot.project.File[]
function project.files(mode, name)
  local files = {}
  for index, part in ipairs(names) do
    local module = require("watchbot.cli.project." .. part)
    files[index] = {
      path = module.path, text = (module[mode]:gsub("@NAME@", name)),
      executable = module.executable,
    }
  end
  return files
end

local ABSENT = { ENOENT = true, ENOTDIR = true }

-- Those of the files that are there already, readable or not; a link that leads nowhere is there,
-- too.
local function existing(folder, files)
  local found = {}
  for _, file in ipairs(files) do
    local path = folder .. "/" .. file.path
    local status, _, code = core.file.status(path)
    if status or not ABSENT[code] then found[#found + 1] = path end
  end
  return found
end

-- Lua knows neither folders nor modes.
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
  if not ok then return nil, err, code end
  return core.file.create(path, file.text, file.executable)
end

--- Writes the files into a folder, which is made. Nothing is overwritten: where one is there, none
--- is written. Waits in a task.
---@param folder string
---@param files watchbot.project.File[]
---@return true? ok
---@return string? err
---@return string? code "Exists", "Failed"
function project.write(folder, files)
  local found = existing(folder, files)
  if #found > 0 then
    return nil, ("nothing was written, for this is there already: %s"):format(table.concat(found,
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
