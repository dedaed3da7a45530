--- specs: runs busted specs without busted: describe, it, before_each and after_each, setup and
-- teardown, finally, pending, and luassert's assertions, spies, stubs and mocks.

local opened = require "watchbot.lib.opened"
local report = require "watchbot.specs.report"
local suite = require "watchbot.specs.suite"

local specs = {}

local function quoted(word) return "'" .. word:gsub("'", [['\'']]) .. "'" end

-- The spec files of a file or folder => files | nil err
local function files_of(path)
  local found, err = opened(path)
  if not found then return nil, err end
  found:close()
  if path:find "%.lua$" then return { path } end
  local pipe <close> = assert(io.popen(("find %s -name '*_spec.lua' -type f 2>&1"):format(
    quoted((path:gsub("^%-", "./-"))))))
  local files = {}
  for line in pipe:lines() do
    if not line:find "_spec%.lua$" then return nil, line end
    files[#files + 1] = line
  end
  table.sort(files)
  if #files == 0 then return nil, ("found no *_spec.lua in '%s'"):format(path) end
  return files
end

--- Runs specs.
---@param paths string[] files and folders
---@param form "plain"|"tap"|"junit"
---@param write fun(text: string)
---@return integer? failures
---@return string? err
function specs.run(paths, form, write)
  local all = {}
  for _, path in ipairs(paths) do
    local files, err = files_of(path)
    if not files then return nil, err end
    table.move(files, 1, #files, #all + 1, all)
  end
  package.path = "./?.lua;./?/init.lua;./src/?.lua;" .. package.path
  local add, finish = report.new(form, write)
  for _, path in ipairs(all) do suite.run(path, add) end
  return finish()
end

return specs
