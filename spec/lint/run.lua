--- run: the checks of `make lint` that no other tool makes: layers, lines over 100 columns (of
-- programs, scripts, makefiles, workflows), names of requires, words of messages, lengths of
-- functions and files. `lua5.4 spec/lint/run.lua` prints each finding, with status 1.

package.path = "spec/?.lua;" .. package.path

local layers = require "lint.layers"
local lengths = require "lint.lengths"
local requires = require "lint.requires"
local words = require "lint.words"

local COLUMNS = 100

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

-- The files of the tree by path: what git knows of, and what is not added yet.
local function sources(...)
  local files, patterns = {}, table.concat({ ... }, "' '")
  local command = ("git ls-files -co --exclude-standard -- '%s'"):format(patterns)
  local list <close> = assert(io.popen(command))
  for path in list:lines() do
    local file <close> = io.open(path, "rb")
    if file then files[path] = file:read "a" end
  end
  return files
end

-- Shell scripts, whatever their names are. The completions are generated, and have no "#!".
local function scripts()
  local chosen = {}
  for path, text in pairs(sources "*") do
    if text:find "^#![^\n]*sh%f[%s]" then chosen[path] = text end
  end
  return chosen
end

-- A column is a character of UTF-8. A type of LuaCATS cannot be broken, and those of meta/ are
-- generated from declarations.
local function wide_lines(path, text)
  if path:find "^lua/watchbot/meta/" then text = text:gsub("%f[^\n\0]%-%-%-@field[^\n]*", "") end
  local found, number = {}, 0
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    number = number + 1
    local columns = utf8.len(line) or #line
    if columns > COLUMNS then
      found[#found + 1] = { line = number, message = ("%d columns"):format(columns) }
    end
  end
  return found
end

-- Definitions for editors are generated; they are not code.
local function is_not_meta(path) return not path:find "^lua/watchbot/meta/" end

local function is_program(path)
  return (path:find "^lua/" or path:find "^src/") and is_not_meta(path)
end

local function merged(...)
  local all = {}
  for _, files in ipairs { ... } do
    for path, text in pairs(files) do all[path] = text end
  end
  return all
end

-- The findings of a check of single files, with their files, in order.
local function each(files, check, wanted)
  local findings, paths = {}, {}
  for path in pairs(files) do
    if not wanted or wanted(path) then paths[#paths + 1] = path end
  end
  table.sort(paths)
  for _, path in ipairs(paths) do
    for _, one in ipairs(check(path, files[path])) do
      one.file = path
      findings[#findings + 1] = one
    end
  end
  return findings
end

local function program(files)
  local chosen = {}
  for path, text in pairs(files) do
    if path:find "^lua/" and is_program(path) then chosen[path] = text end
  end
  return chosen
end

local function findings()
  local lua = sources("lua/*.lua", "src/*.lua", "spec/*.lua", "doc/*.lua",
    ".package/*.lua")
  local c = sources("src/*.[ch]", "include/*.h", "spec/*.[ch]", "doc/*.[ch]")
  local other = sources("*.css", "*.js", "*.mjs", "*.py", "Makefile", "*.mk",
    ".package/debian/rules", ".package/apt-options", ".github/*.yml", ".luacheckrc",
    ".clang-tidy", "rockspec/*")
  local pages = sources("*.md")
  local code = merged(lua, c)
  return {
    layers = layers.violations(layers.declared(read "doc/architecture.md"), program(lua)),
    columns = each(merged(code, other, scripts()), wide_lines),
    requires = each(lua, function(_, text) return requires.misnamed(text) end),
    words = each(merged(code, pages), function(path, text)
      return words.findings(path, text, is_program(path)) end, is_not_meta),
    lengths = each(code, lengths.findings, is_program),
  }
end

local function print_all(rule, list)
  for _, one in ipairs(list) do
    print(("%s:%d: %s (%s)"):format(one.file, one.line, one.message, rule))
  end
end

local function main()
  local found, count = findings(), 0
  for _, rule in ipairs { "layers", "requires", "words", "lengths", "columns" } do
    print_all(rule, found[rule])
    count = count + #found[rule]
  end
  if count > 0 then os.exit(1) end
end

main()
