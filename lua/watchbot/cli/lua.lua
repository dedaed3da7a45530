--- cli.lua: `watchbot lua`: runs a Lua file with watchbot's modules, which the program carries.

local opened = require "watchbot.lib.opened"

local lua = {
  summary = "Runs a Lua file with all of watchbot's modules.",
  usage = "FILE [ARGUMENTS]",
  options = {},
  runs_words = true,
  details = [[
The file gets its arguments in `...` and in `arg`, as from lua5.4, and may require every module that
watchbot documents. It runs outside of a task: `require "watchbot.scheduler".run(f)` starts one. Its
errors end the program with status 1.

example:
  watchbot lua requeue.lua --dry-run]],
}

local function chunk_of(path)
  local file, err = opened(path)
  if not file then return nil, err, "Usage" end
  file:close()
  local chunk
  chunk, err = loadfile(path, "t")
  if chunk then return chunk end
  return nil, err, "Usage"
end

function lua.run(arguments)
  local path = arguments.words[1]
  if not path then return nil, "lua: expected a file: watchbot lua FILE", "Usage" end
  local chunk, err, code = chunk_of(path)
  if not chunk then return nil, "lua: " .. err, code end
  local words = table.move(arguments.words, 2, #arguments.words, 1, {})
  -- The globals of the file, which are not those of this module: see lib/apart.lua.
  package.loaded._G.arg = table.move(words, 1, #words, 1, { [0] = path })
  package.path = (path:match "^(.*)/[^/]*$" or ".") .. "/?.lua;" .. package.path
  local ok, problem = xpcall(chunk, debug.traceback, table.unpack(words))
  if ok then return 0 end
  return nil, "lua: " .. tostring(problem), "Failed"
end

return lua
