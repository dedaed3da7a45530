--- requires: what a file of Lua requires, and under which names.

local lexer = require "lint.lexer"

local requires = {}

local function is(token, kind, text)
  return token and token.kind == kind and (not text or token.text == text)
end

-- The local names of a statement `local a, b = ` that ends before the token at `index`, in order.
local function names_before(tokens, index)
  if not is(tokens[index], "symbol", "=") then return {} end
  local names = {}
  index = index - 1
  while is(tokens[index], "name") and tokens[index].text ~= "local" do
    table.insert(names, 1, tokens[index].text)
    if not is(tokens[index - 1], "symbol", ",") then break end
    index = index - 2
  end
  return is(tokens[index - 1], "name", "local") and names or {}
end

-- The module's last part is a name of Lua's own library, which a local must not hide.
local TAKEN = {
  table = true, string = true, load = true, pairs = true, error = true, select = true, next = true,
  type = true,
}

-- Under these names everybody knows them.
local KNOWN_AS = { ["cjson.safe"] = "cjson" }

-- What is done with the module at `at`, behind its name: the field that is taken, and whether that
-- is called.
local function use(tokens, at)
  local field
  while is(tokens[at], "symbol", ".") and is(tokens[at + 1], "name") do
    field, at = tokens[at + 1].text, at + 2
  end
  local after = tokens[at]
  return field, is(after, "string") or (is(after, "symbol") and after.text:find "^[({:]$" ~= nil)
end

-- The call at `index`, or nil where its argument is computed.
local function call(tokens, index)
  local open = is(tokens[index + 1], "symbol", "(")
  local at = index + (open and 2 or 1)
  if not is(tokens[at], "string") then return nil end
  if open and not is(tokens[at + 1], "symbol", ")") then return nil end
  local field, called = use(tokens, at + (open and 2 or 1))
  return {
    module = lexer.unquote(tokens[at].text), line = tokens[index].line, field = field,
    name = not called and names_before(tokens, index - 1)[1] or nil,
  }
end

--- Every call of `require` with a literal, in order.
---@param text string Lua source
---@return { module: string, line: integer, name: string?, field: string? }[] `name`: of the local
--- that gets it; `field`: of the module that is taken at once, as in `require "a.b".field`
function requires.of(text)
  local found, tokens = {}, lexer.tokens(text)
  for index, token in ipairs(tokens) do
    if is(token, "name", "require") and not is(tokens[index - 1], "symbol", ".") then
      found[#found + 1] = call(tokens, index)
    end
  end
  return found
end

-- The names that a module, or a field of it, may be bound to: `queue`, `open`, `open_queue`,
-- `queue_open`. A plural or a nickname hides from a search for the module.
local function fits(name, last, field)
  if name == last or name == field or name == "_" then return true end
  return field ~= nil and (name == field .. "_" .. last or name == last .. "_" .. field)
end

--- The requires that are bound to another name than the module's last part, or the field's.
---@param text string
---@return { line: integer, message: string }[]
function requires.misnamed(text)
  local wrong = {}
  for _, one in ipairs(requires.of(text)) do
    local last = one.module:match "[^.]+$"
    local right = KNOWN_AS[one.module] or one.field or last
    if one.name and one.name ~= right and not fits(one.name, last, one.field)
      and not TAKEN[right] then
      wrong[#wrong + 1] = {
        line = one.line,
        message = ("'%s' is bound to the name '%s'; call it '%s'"):format(one.module, one.name,
          right),
      }
    end
  end
  return wrong
end

return requires
