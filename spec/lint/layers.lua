--- layers: which part of the program may require which. doc/architecture.md declares the layers,
-- lowest first: a part only requires parts of lower lines, so there are no cycles.

local requires = require "lint.requires"

local layers = {}

local OPENING, CLOSING = "```layers\n", "\n```"

--- Reads the declaration.
---@param document string the text of doc/architecture.md
---@return table<string, integer> levels by part; 1 is the lowest
function layers.declared(document)
  local _, first = document:find(OPENING, 1, true)
  assert(first, "doc/architecture.md has no block ```layers")
  local levels, level = {}, 0
  for line in document:sub(first + 1, document:find(CLOSING, first, true) - 1):gmatch "[^\n]+" do
    level = level + 1
    for part in line:gsub("%s%s+%-%-.*", ""):gmatch "%S+" do
      assert(not levels[part], part .. " is declared twice")
      levels[part] = level
    end
  end
  return levels
end

--- The part that a module belongs to: the folder or file under watchbot, or "watchbot" itself.
---@param module string as in require
function layers.part(module)
  return module:match "^watchbot%.([^.]+)" or module:match "^watchbot$"
end

local function module_of(path)
  return (path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/", "."):gsub("%.init$", ""))
end

--- Every require that goes up, or sideways, and every part that the declaration lacks.
---@param levels table<string, integer>
---@param files table<string, string> Lua source by path, "lua/watchbot/a/b.lua"
---@return { file: string, line: integer, message: string }[]
function layers.violations(levels, files)
  local wrong = {}
  local function add(file, line, ...)
    wrong[#wrong + 1] = { file = file, line = line, message = string.format(...) }
  end
  for path, text in pairs(files) do
    local from = layers.part(module_of(path))
    if not levels[from] then
      add(path, 1, "the part '%s' is in no line of the layers in doc/architecture.md", from)
    end
    for _, one in ipairs(requires.of(text)) do
      local to = layers.part(one.module)
      if to and to ~= from and levels[from] and not (levels[to] and levels[to] < levels[from]) then
        add(path, one.line,
          "'%s' may not require '%s': '%s' is not in a lower layer than '%s' (doc/architecture.md)",
          module_of(path), one.module, to, from)
      end
    end
  end
  table.sort(wrong, function(a, b) return a.file .. a.message < b.file .. b.message end)
  return wrong
end

return layers
