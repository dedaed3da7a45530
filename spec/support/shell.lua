--- shell: runs programs for specs: a folder for each, commands with their output and status, and
-- Lua scripts in a separate process, with descriptors and limits that the shell sets.

local shell = { build = os.getenv "WATCHBOT_BUILD" or "build" }

local function read_line(command)
  local pipe <close> = assert(io.popen(command))
  return pipe:read "l"
end

shell.root = read_line "pwd"

-- The shell's parent is the interpreter that runs the specs: Debian's, or the one with the
-- sanitizers.
shell.interpreter = os.getenv "SPEC_LUA" or read_line "readlink /proc/$PPID/exe"

---@param word string
function shell.quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- A new folder for files; give it to shell.remove at the end.
function shell.folder()
  return read_line "mktemp -d"
end

---@param folder string
function shell.remove(folder)
  os.execute("rm -rf " .. shell.quote(folder))
end

---@param path string
function shell.read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

---@param path string
---@param text string
function shell.write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
end

--- Runs a command of the shell; its stdout, and the exit code (128 and more: a signal).
---@param command string
---@return string out
---@return integer code
function shell.run(command)
  local pipe = assert(io.popen(command))
  local out = pipe:read "a"
  local _, kind, code = pipe:close()
  return out, kind == "signal" and 128 + code or code
end

--- The command that runs a file of Lua with the modules of this tree, from any folder.
---@param path string
function shell.lua(path)
  local lua_path = ("%s/lua/?.lua;%s/lua/?/init.lua;;"):format(shell.root, shell.root)
  local lua_cpath = ("%s/%s/lib/?.so;;"):format(shell.root, shell.build)
  return ("env LUA_PATH=%s LUA_CPATH=%s %s %s"):format(shell.quote(lua_path),
    shell.quote(lua_cpath), shell.interpreter,
    shell.quote(path))
end

return shell
